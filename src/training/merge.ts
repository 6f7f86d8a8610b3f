// `merge`: adapter and base → a checkpoint like any other: what serves and evaluates knows nothing of adapters.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { mergedWeights } from '../model/adapter.ts';
import { type Adapter, checkAdapter, readAdapter } from '../model/adapter-files.ts';
import { standingDirectory } from '../model/atomic-write.ts';
import { lastQuestionTemplate } from '../model/chat-template.ts';
import { type Checkpoint, readCheckpoint, readWeight } from '../model/checkpoint.ts';
import { CheckpointError } from '../model/checkpoint-files.ts';
import { writeCheckpoint } from '../model/checkpoint-writer.ts';
import { openStartCheckpoint } from './start-checkpoint.ts';

export function mergeCommand(path: string, target: string, { base }: { base?: string }): void {
  const { sha256 } = mergeAdapter(path, target, base);
  console.log(`${target}: sha256 ${sha256}\nMODEL_DIR=${target} npm start`);
}

/**
 * Replaces `target`.
 * @param basePath where its base stands; as the adapter has it, if left out
 * @throws CheckpointError where adapter or base are not what the adapter says
 * @returns what now stands there
 */
export function mergeAdapter(path: string, target: string, basePath?: string): Checkpoint {
  const adapter = readAdapter(path);
  const { config, lowRank, training, evalReport } = adapter;
  const from = basePath ?? adapter.base.path;
  if ([path, from].some((source) => resolve(source) === resolve(target)))
    throw new CheckpointError(
      target,
      'the merged checkpoint would take the place of what it is made of',
    );
  if (!isThere(from)) throw new CheckpointError(from, `base of ${path}: ${howToGet(from)}`);
  const { checkpoint, tokenizerJson } = openStartCheckpoint(from);
  if (checkpoint.sha256 !== adapter.base.sha256) {
    const reason = `its weights are ${checkpoint.sha256}, ${path} was trained over ${adapter.base.sha256}`;
    throw new CheckpointError(checkpoint.weightsPath, reason);
  }
  const adapted = { config, base: checkpoint.config, lowRank };
  checkAdapter(path, adapter, adapted);
  const baseWeights = { get: (name: string) => readWeight(checkpoint, name) };
  writeCheckpoint(target, {
    config,
    weights: mergedWeights(adapted, baseWeights, adapter.weights),
    tokenizerJson,
    chatTemplate: lastQuestionTemplate,
    training,
    evalReport,
  });
  return readCheckpoint(target);
}

/** Whether its base stands where it stood when it was trained. */
export const hasBase = ({ base }: Pick<Adapter, 'base'>): boolean => isThere(base.path);

const isThere = (path: string): boolean => existsSync(join(standingDirectory(path), 'config.json'));

/** Bases that are not in the repository, and the command that fetches each. */
const fetchCommands: Readonly<Record<string, string>> = {
  'out/smollm2/smollm2-135m-instruct': 'npm run fetch:smollm2',
};

/** Of a base that is not there. */
export function howToGet(path: string): string {
  const command = fetchCommands[path];
  return command ? `not there; ${command} fetches it` : 'not there';
}
