// Adapter and base → a checkpoint like any other: what serves and evaluates knows nothing of adapters.
import { mergedWeights } from '../model/adapter.ts';
import { checkAdapter, readAdapter } from '../model/adapter-files.ts';
import { lastQuestionTemplate } from '../model/chat-template.ts';
import { readWeight } from '../model/checkpoint.ts';
import { CheckpointError } from '../model/checkpoint-files.ts';
import { writeCheckpoint } from '../model/checkpoint-writer.ts';
import { openStartCheckpoint } from './start-checkpoint.ts';

/**
 * Writes to `target`.
 * @param basePath where its base stands; as the adapter has it, if left out
 * @throws CheckpointError where adapter or base are not what the adapter says
 */
export function mergeAdapter(path: string, target: string, basePath?: string): void {
  const adapter = readAdapter(path);
  const { config, lowRank, training, evalReport } = adapter;
  const start = openStartCheckpoint(basePath ?? adapter.base.path);
  const { checkpoint, tokenizerJson } = start;
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
}
