// A checkpoint that training goes on from: its tokenizer with the markers it lacks, and its weights with a row for
// each new token. Rows of markers that it never thought with start as those of `<<`, as the reference's do.
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { addedToken } from '../model/byte-level-bpe.ts';
import { type Checkpoint, readCheckpoint, readWeights } from '../model/checkpoint.ts';
import { readJson } from '../model/checkpoint-files.ts';
import { meanRow, STEP_OPENING } from '../model/embedding-rows.ts';
import { dimensionsOf } from '../model/model-config.ts';
import { loadTokenizer, type Tokenizer } from '../model/tokenizer.ts';
import type { Weights } from './initialize.ts';

export type MarkerIds = { bot: number; eot: number; pause: number };

export type StartCheckpoint = {
  checkpoint: Checkpoint;
  /** With the markers. */
  tokenizerJson: unknown;
  tokenizer: Tokenizer;
  markers: MarkerIds;
};

/** Our spelling, which is added where there is none, then the reference's (facebookresearch/coconut). */
const spellings: Readonly<Record<keyof MarkerIds, readonly [string, string]>> = {
  bot: ['<bot>', '<|start-latent|>'],
  eot: ['<eot>', '<|end-latent|>'],
  pause: ['<pause>', '<|latent|>'],
};

const roles = ['bot', 'eot', 'pause'] as const;

const countsSchema = z.looseObject({
  examples: z.int().min(0).default(0),
  startExamples: z.int().min(0).default(0),
});

const jsonSchema = z.looseObject({ added_tokens: z.array(z.unknown()).default([]) });

/** Throws CheckpointError where `path` holds no checkpoint that can be served. */
export function openStartCheckpoint(path: string): StartCheckpoint {
  const checkpoint = readCheckpoint(path);
  const file = join(dirname(checkpoint.weightsPath), 'tokenizer.json');
  const json = readJson(file, jsonSchema);
  const absent = roles.filter((role) => knownMarker(checkpoint, role) === null);
  const first = checkpoint.tokenizer.vocabSize;
  const added = absent.map((role, i) => addedToken(first + i, spellings[role][0], true));
  const idOf = (role: keyof MarkerIds): number =>
    knownMarker(checkpoint, role) ?? first + absent.indexOf(role);
  const tokenizerJson = { ...json, added_tokens: [...json.added_tokens, ...added] };
  return {
    checkpoint,
    tokenizerJson,
    tokenizer: loadTokenizer(tokenizerJson, {}),
    markers: { bot: idOf('bot'), eot: idOf('eot'), pause: idOf('pause') },
  };
}

/** The one its own method uses, or else a special token spelled like it. */
function knownMarker(checkpoint: Checkpoint, role: keyof MarkerIds): number | null {
  const used = usedMarker(checkpoint, role);
  if (used !== null) return used;
  const ids = spellings[role].map((content) => checkpoint.tokenizer.specialId(content));
  return ids.find((id) => id !== null) ?? null;
}

function usedMarker({ config }: Checkpoint, role: keyof MarkerIds): number | null {
  return config.coconut[`${role}_token_id`];
}

/** What it was trained on here, its own start included; 0 for an imported one, whose pretraining nobody counted. */
export function examplesOf({ training }: Pick<Checkpoint, 'training'>): number {
  const { examples, startExamples } = countsSchema.parse(training);
  return examples + startExamples;
}

/** Throws CheckpointError where a value is NaN or infinite. */
export function startWeights({ checkpoint, tokenizer, markers }: StartCheckpoint): Weights {
  const { width } = dimensionsOf(checkpoint.config);
  const untaught = roles
    .filter((role) => usedMarker(checkpoint, role) === null)
    .map((role) => markers[role]);
  const weights = readWeights(checkpoint);
  for (const name of ['transformer.wte.weight', 'model.embed_tokens.weight', 'lm_head.weight']) {
    const table = weights.get(name);
    if (!table) continue;
    const grown = new Float32Array(tokenizer.vocabSize * width);
    grown.set(table);
    const row = meanRow(table, width, tokenizer.encode(STEP_OPENING));
    for (const id of untaught) grown.set(row, id * width);
    weights.set(name, grown);
  }
  return weights;
}
