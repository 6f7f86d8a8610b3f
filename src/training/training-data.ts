// What a run trains on and is measured on: tokenizer, token roles, fresh groups of examples, validation items.
import { isDeepStrictEqual } from 'node:util';
import { fileSha256 } from '../model/checkpoint-files.ts';
import { type FillerName, fillers } from '../model/fillers.ts';
import { dimensionsOf } from '../model/model-config.ts';
import { loadTokenizer, type Tokenizer } from '../model/tokenizer.ts';
import {
  methodStage,
  type StagingVocabulary,
  scheduledTokens,
  stageExample,
} from './curriculum.ts';
import { type DataSource, type DrawnItems, dataSource, fromFile } from './data-sources.ts';
import { buildTokenizer } from './dataset-tokenizer.ts';
import type { Example } from './datasets/example.ts';
import { formats } from './datasets/formats.ts';
import type { TokenRoles } from './induction-start.ts';
import { methods } from './methods.ts';
import { type DigitSpan, digitSpans } from './places-start.ts';
import { fittingExamples } from './row-length.ts';
import { removedTokensAt } from './schedule.ts';
import { openStartCheckpoint, type StartCheckpoint } from './start-checkpoint.ts';
import type { TrainingConfig } from './training-config.ts';

/** Every fresh checkpoint has all of them, so that methods differ in nothing but method. */
const SPECIAL_TOKENS = {
  eos: '<eos>',
  bot: '<bot>',
  eot: '<eot>',
  pause: '<pause>',
} as const;

/** sha256 of the files that a run reads, in hex; no training file where items are drawn; the start where it is read on. */
export type DataHashes = { validation: string; training?: string; start?: string };

export type TrainingData = Pick<DataSource, 'frontiers'> & {
  groups: DrawnItems['groups'];
  /** Whether the groups are a file's, epoch after epoch, and not drawn anew. */
  isInEpochs: boolean;
  /** What the run goes on from; null with fresh weights. */
  start: StartCheckpoint | null;
  tokenizerJson: unknown;
  tokenizer: Tokenizer;
  vocabulary: StagingVocabulary;
  /** Of the model. */
  positions: number;
  /** Empty where nothing asks for them. */
  roles: TokenRoles;
  /** The same in every row; empty where nothing asks for them. */
  numbers: DigitSpan[];
  validation: Example[];
  hashes: DataHashes;
  isCorrect: (example: Example, text: string) => boolean;
};

export function loadTrainingData(config: TrainingConfig): TrainingData {
  const { kind, validation: file, validationItems } = config.data;
  const { read, isCorrect } = formats[kind];
  const validation = read(file, 'throw').items;
  const source = dataSource(config.data, validation);
  const start = config.start.kind === 'checkpoint' ? openStartCheckpoint(config.start.path) : null;
  const { tokenizerJson, tokenizer, ids } = start ? startTokens(start) : freshTokens(source);
  const vocabulary: StagingVocabulary = { encode: (text) => tokenizer.encode(text), ...ids };
  const positions = start
    ? dimensionsOf(start.checkpoint.config).positions
    : config.model!.positions;
  const training = source.items.kind === 'file' ? source.items : null;
  return {
    start,
    tokenizerJson,
    tokenizer,
    vocabulary,
    positions,
    roles: needsRoles(config)
      ? tokenRoles(tokenizer, source, ids, methods[config.method].filler)
      : { entities: [], structure: [] },
    numbers:
      config.start.kind === 'places'
        ? commonNumbers(validation, config, tokenizer, vocabulary)
        : [],
    validation: validation.slice(0, validationItems),
    hashes: {
      validation: fileSha256(file),
      ...(training && { training: fileSha256(training.file) }),
      ...(start && config.lora && { start: start.checkpoint.sha256 }),
    },
    isInEpochs: training !== null,
    groups: groupsOf(source, config, vocabulary, positions),
    frontiers: source.frontiers,
    isCorrect,
  };
}

function groupsOf(
  { items }: DataSource,
  config: TrainingConfig,
  vocabulary: StagingVocabulary,
  positions: number,
): TrainingData['groups'] {
  if (items.kind === 'drawn') return items.groups;
  const { file, examples, tooLong } = items;
  const fitting = fittingExamples(file, examples, config, vocabulary, positions, tooLong);
  return fromFile(fitting, config.seed);
}

type Tokens = {
  tokenizerJson: unknown;
  tokenizer: Tokenizer;
  ids: Omit<StagingVocabulary, 'encode'>;
};

function freshTokens({ wordCounts }: DataSource): Tokens {
  const tokenizerJson = buildTokenizer(wordCounts, Object.values(SPECIAL_TOKENS));
  const tokenizer = loadTokenizer(tokenizerJson, {});
  const idOf = (role: keyof typeof SPECIAL_TOKENS): number =>
    tokenizer.specialId(SPECIAL_TOKENS[role])!;
  const ids = { bot: idOf('bot'), eot: idOf('eot'), pause: idOf('pause'), eos: idOf('eos') };
  return { tokenizerJson, tokenizer, ids };
}

function startTokens({ checkpoint, tokenizerJson, tokenizer, markers }: StartCheckpoint): Tokens {
  return { tokenizerJson, tokenizer, ids: { ...markers, eos: checkpoint.config.eos_token_id } };
}

/** Where all rows have their numbers as the run begins them. @throws where one has them elsewhere */
function commonNumbers(
  [first, ...others]: readonly Example[],
  config: TrainingConfig,
  tokenizer: Tokenizer,
  vocabulary: StagingVocabulary,
): DigitSpan[] {
  const method = methods[config.method];
  const segment = config.segments[0]!;
  const stage = methodStage(method, segment.stage, config);
  const removed = {
    count: scheduledTokens(removedTokensAt(segment, 0), config.tokenRemoval),
    keepPositions: config.tokenRemoval.keepPositions,
  };
  const numbersOf = (example: Example): DigitSpan[] => {
    const row = stageExample(example, method, stage, removed, config, vocabulary);
    const textOf = (id: number): string => tokenizer.decode([id]);
    const between = row.thoughts + (row.skippedPositions ?? 0);
    return digitSpans([
      ...row.questionIds.map(textOf),
      ...Array<string>(between).fill(''),
      ...row.tailIds.map(textOf),
    ]);
  };
  const numbers = numbersOf(first!);
  const other = others.find((example) => !isDeepStrictEqual(numbersOf(example), numbers));
  if (other)
    throw new Error(
      `places start: "${other.question}" has its numbers elsewhere than "${first!.question}"; use start.kind "gpt2"`,
    );
  return numbers;
}

/** Another vocabulary may have no one token per word, which matters only to those who ask for it. */
function needsRoles({ start, segments }: TrainingConfig): boolean {
  const weighsStructure = segments.some(({ structureWeight }) => structureWeight !== 1);
  return start.kind !== 'checkpoint' || weighsStructure;
}

/** Entities are what facts are about, whatever their form; the other words and the markers are structure. */
function tokenRoles(
  tokenizer: Tokenizer,
  { entities, wordCounts }: DataSource,
  { eos, bot, eot, pause }: Tokens['ids'],
  filler: FillerName,
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
  // A method without any of them starts from the same weights as one that thinks.
  const { isMarked, slot } = fillers[filler];
  const pauses = slot === 'pause' ? [pause] : [];
  const markers = isMarked || slot === null ? [bot, eot] : [];
  return { entities: forms, structure: [...words, eos, ...markers, ...pauses] };
}
