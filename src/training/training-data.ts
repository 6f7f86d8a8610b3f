// What a run trains on, by data set: tokenizer, token roles, fresh groups of examples, validation items.
import { fileSha256 } from '../model/checkpoint-files.ts';
import { loadTokenizer, type Tokenizer } from '../model/tokenizer.ts';
import type { Random } from '../random.ts';
import type { StagingVocabulary } from './curriculum.ts';
import { buildTokenizer } from './dataset-tokenizer.ts';
import type { Example, ExampleGroup } from './datasets/example.ts';
import {
  factsKey,
  isCorrect,
  questionFrontiers,
  readProsqa,
  splitQuestion,
} from './datasets/prosqa.ts';
import { PROSQA_SIZES, ProsqaGenerator } from './datasets/prosqa-generator.ts';
import { CONCEPTS, NAMES, prosqaWordCounts } from './datasets/prosqa-words.ts';
import type { TokenRoles } from './initialize.ts';
import type { Segment, TrainingConfig } from './training-config.ts';

/** Every checkpoint has all of them, so that methods differ in nothing but method. */
export const SPECIAL_TOKENS = {
  eos: '<eos>',
  bot: '<bot>',
  eot: '<eot>',
  pause: '<pause>',
} as const;

export type TrainingData = {
  tokenizerJson: unknown;
  tokenizer: Tokenizer;
  vocabulary: StagingVocabulary;
  roles: TokenRoles;
  validation: Example[];
  /** sha256 of the validation file, in hex. */
  validationHash: string;
  groups: (random: Random, segment: Segment, count: number, perGroup: number) => ExampleGroup[];
  /** Words first reached after 1, 2, … reasoning steps: what a search would hold at each depth. */
  frontiers: (question: string) => string[][];
  isCorrect: (example: Example, text: string) => boolean;
};

export function loadTrainingData(config: TrainingConfig): TrainingData {
  const tokenizerJson = buildTokenizer(config.data.kind, Object.values(SPECIAL_TOKENS));
  const tokenizer = loadTokenizer(tokenizerJson, {});
  const file = config.data.validation;
  const validation = readProsqa(file, 'throw').items.map((item) => item.example);
  const excluded = new Set(
    validation.map(({ question }) => factsKey(splitQuestion(question).facts)),
  );
  const special = (token: string): number => tokenizer.specialId(token)!;
  return {
    tokenizerJson,
    tokenizer,
    vocabulary: {
      encode: (text) => tokenizer.encode(text),
      bot: special(SPECIAL_TOKENS.bot),
      eot: special(SPECIAL_TOKENS.eot),
      pause: special(SPECIAL_TOKENS.pause),
      eos: special(SPECIAL_TOKENS.eos),
    },
    roles: prosqaRoles(tokenizer),
    validation: validation.slice(0, config.data.validationItems),
    validationHash: fileSha256(file),
    groups: (random, segment, count, perGroup) => {
      const nodes = segment.nodes
        ? { min: segment.nodes[0], max: segment.nodes[1] }
        : PROSQA_SIZES.nodes;
      const hops = segment.nodes
        ? { min: segment.minHops, max: PROSQA_SIZES.hops.max }
        : PROSQA_SIZES.hops;
      const generator = new ProsqaGenerator(random, { nodes, hops, excluded });
      return Array.from({ length: count }, () =>
        segment.task === 'walks'
          ? generator.nextWalks(perGroup, WALK_EDGES)
          : generator.nextGroup(perGroup),
      );
    },
    frontiers: (question) => questionFrontiers(question).slice(1),
    isCorrect,
  };
}

const WALK_EDGES = 6;

/** Names and concepts are entities, whatever their form; the other words and the markers are structure. */
function prosqaRoles(tokenizer: Tokenizer): TokenRoles {
  const one = (word: string): number => {
    const ids = tokenizer.encode(word);
    if (ids.length !== 1) throw new Error(`the word "${word}" is ${ids.length} tokens, not one`);
    return ids[0]!;
  };
  const names = NAMES.map((name) => [one(name), one(` ${name}`)]);
  const concepts = CONCEPTS.map((concept) => [one(` ${concept}`)]);
  const entities = [...names, ...concepts];
  const taken = new Set(entities.flat());
  const words = [...prosqaWordCounts().keys()].map(one).filter((id) => !taken.has(id));
  const markers = [SPECIAL_TOKENS.eos, SPECIAL_TOKENS.bot, SPECIAL_TOKENS.eot].map(
    (token) => tokenizer.specialId(token)!,
  );
  return { entities, structure: [...words, ...markers] };
}
