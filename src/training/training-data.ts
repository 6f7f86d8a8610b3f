// What a run trains on and is measured on: tokenizer, token roles, fresh groups of examples, validation items.
import { fileSha256 } from '../model/checkpoint-files.ts';
import { loadTokenizer, type Tokenizer } from '../model/tokenizer.ts';
import type { StagingVocabulary } from './curriculum.ts';
import { type DataSource, dataSource } from './data-sources.ts';
import { buildTokenizer } from './dataset-tokenizer.ts';
import type { Example } from './datasets/example.ts';
import { formats } from './datasets/formats.ts';
import type { TokenRoles } from './initialize.ts';
import { type MethodRow, methods } from './methods.ts';
import type { TrainingConfig } from './training-config.ts';

/** Every checkpoint has all of them, so that methods differ in nothing but method. */
export const SPECIAL_TOKENS = {
  eos: '<eos>',
  bot: '<bot>',
  eot: '<eot>',
  pause: '<pause>',
} as const;

export type TrainingData = Pick<DataSource, 'groups' | 'frontiers'> & {
  tokenizerJson: unknown;
  tokenizer: Tokenizer;
  vocabulary: StagingVocabulary;
  roles: TokenRoles;
  validation: Example[];
  /** sha256 of the validation file, in hex. */
  validationHash: string;
  isCorrect: (example: Example, text: string) => boolean;
};

export function loadTrainingData(config: TrainingConfig): TrainingData {
  const { kind, validation: file, validationItems } = config.data;
  const { read, isCorrect } = formats[kind];
  const validation = read(file, 'throw').items;
  const source = dataSource(config.data, validation, config.seed);
  const tokenizerJson = buildTokenizer(source.wordCounts, Object.values(SPECIAL_TOKENS));
  const tokenizer = loadTokenizer(tokenizerJson, {});
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
    roles: tokenRoles(tokenizer, source, methods[config.method].filler),
    validation: validation.slice(0, validationItems),
    validationHash: fileSha256(file),
    groups: source.groups,
    frontiers: source.frontiers,
    isCorrect,
  };
}

/** Entities are what facts are about, whatever their form; the other words and the markers are structure. */
function tokenRoles(
  tokenizer: Tokenizer,
  { entities, wordCounts }: DataSource,
  filler: MethodRow['filler'],
): TokenRoles {
  if (entities.length === 0) return { entities: [], structure: [] };
  const one = (word: string): number => {
    const ids = tokenizer.encode(word);
    if (ids.length !== 1) throw new Error(`the word "${word}" is ${ids.length} tokens, not one`);
    return ids[0]!;
  };
  const forms = entities.map((entity) => entity.map(one));
  const taken = new Set(forms.flat());
  const words = [...wordCounts.keys()].map(one).filter((id) => !taken.has(id));
  const { eos, bot, eot, pause } = SPECIAL_TOKENS;
  const markers = filler === 'pause' ? [eos, pause] : [eos, bot, eot];
  return {
    entities: forms,
    structure: [...words, ...markers.map((token) => tokenizer.specialId(token)!)],
  };
}
