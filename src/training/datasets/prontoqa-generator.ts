// Fresh ProntoQA items of five hops: a chain of concepts, a side concept at each, and a second branch with the
// opposite of the answer. The proportions are those of the 9,000 published training items (docs/data.md).
import type { Random } from '../../random.ts';
import type { Example } from './example.ts';
import {
  openingPlural,
  PRONTO_CONCEPTS,
  PRONTO_NAMES,
  PROPERTY_FAMILIES,
  withArticle,
} from './prontoqa-words.ts';

const HOPS = 5;
/** Shares of negated properties: the one that decides, and any other. */
const DECIDING_NEGATED = 0.47;
const OTHER_NEGATED = 0.31;

type Property = { word: string; negated: boolean };

/** One item; all facts but the two about the name are in random order, as published. */
export function drawProntoqa(random: Random): Example {
  const concepts = random.shuffle<string[]>([...PRONTO_CONCEPTS]);
  const chain = concepts.splice(0, HOPS);
  const sides = concepts.splice(0, HOPS);
  const [end, other, otherParent, orphan] = concepts.splice(0, 4) as [
    string,
    string,
    string,
    string,
  ];
  const families = random.shuffle([...PROPERTY_FAMILIES]);
  const draw = (share: number): Property => ({
    word: random.pick(families.pop()!),
    negated: random.uniform() < share,
  });
  const deciding = draw(DECIDING_NEGATED);
  const say = (concept: string, rest: Rest): string => ruleSentence(random, concept, rest);

  const links = chain.map((concept, i) => say(concept, { concept: chain[i + 1] ?? end }));
  const decisive = say(chain[HOPS - 1]!, deciding);
  // One of the last concept's two parents has no property.
  const described = [
    ...chain.slice(0, -1),
    ...sides.slice(0, -1),
    random.pick([sides[HOPS - 1]!, end]),
    other,
  ];
  const facts = [
    ...links,
    decisive,
    ...chain.map((concept, i) => say(concept, { concept: sides[i]! })),
    ...described.map((concept) => say(concept, draw(OTHER_NEGATED))),
    say(other, { concept: otherParent }),
    say(orphan, { word: deciding.word, negated: !deciding.negated }),
  ];
  return ask(random, { facts, chain, links, decisive, deciding, other });
}

type Ontology = {
  facts: string[];
  chain: string[];
  links: string[];
  decisive: string;
  deciding: Property;
  other: string;
};

function ask(random: Random, ontology: Ontology): Example {
  const { facts, chain, links, decisive, deciding, other } = ontology;
  const name = random.pick(PRONTO_NAMES);
  const about = random.shuffle([chain[0]!, other]).map((concept) => isA(name, concept));
  const asked = random.uniform() < 0.5;
  const conclusion = hasProperty(name, deciding);
  const statement = hasProperty(name, { word: deciding.word, negated: asked });
  const rules = [...links.slice(0, HOPS - 1), decisive];
  return {
    question: `${[...random.shuffle(facts), ...about].join(' ')} True or false: ${statement}`,
    steps: [...rules.map((rule, i) => `${isA(name, chain[i]!)} ${rule}`), conclusion],
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
