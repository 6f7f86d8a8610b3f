// Fresh ProntoQA ontologies and questions about them: a chain of concepts, a side concept at each, and a second branch
// with the opposite of the answer. The proportions are those of the 9,000 published training items (docs/data.md).
import type { Random } from '../../random.ts';
import type { Example, ExampleGroup } from './example.ts';
import {
  openingPlural,
  PRONTO_CONCEPTS,
  PRONTO_NAMES,
  PROPERTY_FAMILIES,
  withArticle,
} from './prontoqa-words.ts';

/** Rules from a concept to the property that is asked for, in the published files. */
export const PRONTOQA_HOPS = 5;
/** Concepts of an ontology whose chain has one link: the chain, its end, a side, and two of a second branch and one more. */
const CONCEPTS_OF_ONE_HOP = 6;
const CONCEPTS_PER_HOP = 2;
/** Shares of negated properties: the one that decides, and any other. */
const DECIDING_NEGATED = 0.47;
const OTHER_NEGATED = 0.31;
/** Share of statements that ask with "not". */
export const NEGATED_STATEMENTS = 0.5;

type Property = { word: string; negated: boolean };

type Ontology = {
  /** All rules, in random order. */
  rules: string[];
  chain: string[];
  /** links[i] leads from chain[i] on; described[i] gives its property. */
  links: string[];
  described: { property: Property; rule: string }[];
  /** A concept of the second branch. */
  other: string;
};

/** One published-size item; all facts but the two about the name are in random order, as published. */
export function drawProntoqa(random: Random): Example {
  const { context, examples } = drawProntoqaGroup(random, {
    concepts: { min: CONCEPTS, max: CONCEPTS },
    minHops: PRONTOQA_HOPS,
    negatedStatements: NEGATED_STATEMENTS,
    questions: 1,
  });
  const [example] = examples as [Example];
  return { ...example, question: context + example.question };
}

/** Concepts of a published item, the most that an ontology has. */
const CONCEPTS = CONCEPTS_OF_ONE_HOP + CONCEPTS_PER_HOP * (PRONTOQA_HOPS - 1);

/** What is wrong with numbers of concepts that no ontology has; null where all are possible. */
export function impossibleConcepts([min, max]: readonly [number, number]): string | null {
  if (CONCEPTS_OF_ONE_HOP <= min && max <= CONCEPTS) return null;
  return `ProntoQA has ontologies of ${CONCEPTS_OF_ONE_HOP} to ${CONCEPTS} concepts, got ${min} to ${max}`;
}

export type OntologySizes = {
  concepts: { min: number; max: number };
  minHops: number;
  negatedStatements: number;
  questions: number;
};

/**
 * Questions about one ontology. Each asks for the property of a concept that is at least `minHops` rules away (as many
 * as there are in ontologies with shorter chains); in the published files it is always the whole chain.
 */
export function drawProntoqaGroup(random: Random, sizes: OntologySizes): ExampleGroup {
  const { min, max } = sizes.concepts;
  const hops = chainHops(min + random.int(max - min + 1));
  const ontology = drawOntology(random, hops);
  const minHops = Math.min(sizes.minHops, hops);
  const examples = Array.from({ length: sizes.questions }, () => {
    const asked = minHops + random.int(hops - minHops + 1);
    const from = random.int(hops - asked + 1);
    return ask(random, ontology, from, from + asked - 1, sizes.negatedStatements);
  });
  return { context: ontology.rules.join(' '), examples };
}

/** Hops of the longest chain that an ontology of so many concepts holds, 1 to 5. */
function chainHops(concepts: number): number {
  const hops = 1 + Math.floor((concepts - CONCEPTS_OF_ONE_HOP) / CONCEPTS_PER_HOP);
  return Math.min(PRONTOQA_HOPS, Math.max(1, hops));
}

function drawOntology(random: Random, hops: number): Ontology {
  const concepts = random.shuffle<string[]>([...PRONTO_CONCEPTS]);
  const chain = concepts.splice(0, hops);
  const sides = concepts.splice(0, hops);
  const [end, other, otherParent, orphan] = concepts as [string, string, string, string];
  const families = random.shuffle([...PROPERTY_FAMILIES]);
  const draw = (share: number): Property => ({
    word: random.pick(families.pop()!),
    negated: random.uniform() < share,
  });
  const describe = (concept: string, share: number) => {
    const property = draw(share);
    return { property, rule: ruleSentence(random, concept, property) };
  };
  const link = (from: string, to: string) => ruleSentence(random, from, { concept: to });

  const deciding = describe(chain.at(-1)!, DECIDING_NEGATED);
  const links = chain.map((concept, i) => link(concept, chain[i + 1] ?? end));
  const described = [
    ...chain.slice(0, -1).map((concept) => describe(concept, OTHER_NEGATED)),
    deciding,
  ];
  // One of the last concept's two parents has no property.
  const elsewhere = [...sides.slice(0, -1), random.pick([sides.at(-1)!, end]), other];
  const rules = [
    ...links,
    ...described.map(({ rule }) => rule),
    ...chain.map((concept, i) => link(concept, sides[i]!)),
    ...elsewhere.map((concept) => describe(concept, OTHER_NEGATED).rule),
    link(other, otherParent),
    ruleSentence(random, orphan, {
      ...deciding.property,
      negated: !deciding.property.negated,
    }),
  ];
  return { rules: random.shuffle(rules), chain, links, described, other };
}

/** A question from chain[from] to the property of chain[to]; its text follows the rules. */
function ask(
  random: Random,
  ontology: Ontology,
  from: number,
  to: number,
  negatedStatements: number,
): Example {
  const { chain, links, described, other } = ontology;
  const { property, rule } = described[to]!;
  const name = random.pick(PRONTO_NAMES);
  const about = random.shuffle([chain[from]!, other]).map((concept) => isA(name, concept));
  const conclusion = hasProperty(name, property);
  const statement = hasProperty(name, {
    ...property,
    negated: random.uniform() < negatedStatements,
  });
  const rules = [...links.slice(from, to), rule];
  return {
    question: ` ${about.join(' ')} True or false: ${statement}`,
    steps: [...rules.map((step, i) => `${isA(name, chain[from + i]!)} ${step}`), conclusion],
    answer: conclusion === statement ? 'True' : 'False',
  };
}

type Rest = { concept: string } | Property;

/** Half of the published rules are plural, a quarter each begin with "Each" and "Every". */
function ruleSentence(random: Random, concept: string, rest: Rest): string {
  const plural = random.uniform() < 0.5;
  const subject = plural
    ? `${openingPlural(concept)} are`
    : `${random.pick(['Each', 'Every'])} ${concept} is`;
  if ('word' in rest) return `${subject} ${rest.negated ? 'not ' : ''}${rest.word}.`;
  return `${subject} ${plural ? `${rest.concept}es` : withArticle(rest.concept)}.`;
}

const isA = (name: string, concept: string): string => `${name} is ${withArticle(concept)}.`;

const hasProperty = (name: string, { word, negated }: Property): string =>
  `${name} is ${negated ? 'not ' : ''}${word}.`;
