// `show-graph`: the graph that a checkpoint or run file leads to, as text, as DOT, or as the .onnx file
// that other viewers open.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCheckpoint } from '../model/checkpoint.ts';
import type { ModelConfig } from '../model/model-config.ts';
import { stepGraph } from '../model/serving-graphs.ts';
import { encodeGraph } from '../onnx/encode.ts';
import type { Graph } from '../onnx/graph.ts';
import { graphToDot, printGraph } from '../onnx/print.ts';
import { BatchSource } from './batch-source.ts';
import { toModelConfig } from './run-model.ts';
import { totalSteps } from './schedule.ts';
import { readTrainingConfig, runOf, type TrainingConfig } from './training-config.ts';
import { loadTrainingData } from './training-data.ts';
import { gradientGraph } from './training-graph.ts';

/** step: the engine's graph; train: loss and gradients of the run's last train step. */
export const graphKinds = ['step', 'train'] as const;

export type GraphKind = (typeof graphKinds)[number];

export function showGraphCommand(
  kind: GraphKind,
  source: string,
  options: { dot?: boolean; onnx?: string },
): void {
  const graph = graphOf(kind, source);
  if (options.onnx === undefined) {
    console.log(options.dot ? graphToDot(graph) : printGraph(graph));
    return;
  }
  const bytes = encodeGraph(graph);
  writeFileSync(options.onnx, bytes);
  console.log(`${options.onnx}: ${graph.nodes.length} nodes, ${bytes.length} bytes`);
}

/** @param source a checkpoint directory or a run file */
export function graphOf(kind: GraphKind, source: string): Graph {
  const isCheckpoint = existsSync(join(source, 'config.json'));
  if (kind === 'step') {
    return stepGraph(
      isCheckpoint ? readCheckpoint(source).config : modelOf(readTrainingConfig(source)),
      'host',
    );
  }
  const run = isCheckpoint ? runOf(readCheckpoint(source)) : readTrainingConfig(source);
  const data = loadTrainingData(run);
  const { batches } = new BatchSource(run, data).batch(totalSteps(run) - 1);
  return gradientGraph(toModelConfig(run, data), batches[0]!.shape);
}

const modelOf = (run: TrainingConfig): ModelConfig => toModelConfig(run, loadTrainingData(run));
