// A checkpoint as transformers.js wants it: a decoder graph whose keys and values go in and come out
// whole (`past_key_values.l.*` → `present.l.*`), as the exports on the Hub have them.
import { copyFileSync, linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { transformerOf } from '../../src/model/architectures.ts';
import { causalBias } from '../../src/model/attention.ts';
import { readCheckpoint } from '../../src/model/checkpoint.ts';
import { dimensionsOf, type ModelConfig } from '../../src/model/model-config.ts';
import { mapWeights } from '../../src/model/serving-model.ts';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { type Graph, GraphBuilder, type Shape, type Value } from '../../src/onnx/graph.ts';
import * as op from '../../src/onnx/ops.ts';

/**
 * Inputs: input_ids, position_ids int64 [B, T]; past_key_values.l.key and .value [B, Hkv, S, Dh], S ≥ 0.
 * Outputs: logits [B, 1, V] of the last position only, which is all that generation needs;
 * present.l.key and .value [B, Hkv, S + T, Dh]. No padding: prompts of one batch are equally long.
 */
export function decoderGraph(
  config: ModelConfig,
  declare: (g: GraphBuilder) => Map<string, Value>,
): Graph {
  const g = new GraphBuilder('decoder');
  const { kvHeads, headSize, layers: L, width: D } = dimensionsOf(config);
  const model = transformerOf(g, config, declare(g));
  const ids = g.input('input_ids', 'int64', ['B', 'T']);
  const positionIds = g.input('position_ids', 'int64', ['B', 'T']);
  const shape: Shape = ['B', kvHeads, 'S', headSize];
  const past = Array.from({ length: L }, (_, l) => ({
    key: g.input(`past_key_values.${l}.key`, 'float32', shape),
    value: g.input(`past_key_values.${l}.value`, 'float32', shape),
  }));
  const seen = g.constant(new Float32Array(1), [1, 1, 1, 1]);
  const { hidden, layers } = model.forward(
    model.embed(ids),
    positionIds,
    [{ layers: past, bias: seen, rowsPerContext: 1 }],
    causalBias(g, positionIds, seen),
  );
  const last = g.constant(BigInt64Array.of(-1n), [1]);
  const [state] = g.node({ op: 'Gather', inputs: [hidden, last], attributes: { axis: 1 } }, [
    { dtype: 'float32', shape: ['B', 1, D] },
  ]) as [Value];
  g.output('logits', model.lmHead(state));
  layers.forEach(({ key, value }, l) => {
    g.output(`present.${l}.key`, op.concat(g, [past[l]!.key, key], 2));
    g.output(`present.${l}.value`, op.concat(g, [past[l]!.value, value], 2));
  });
  return g.build();
}

/** Writes `dir` for AutoModelForCausalLM.from_pretrained; the weights are the checkpoint's own file. */
export function writeDecoder(dir: string, checkpointDir: string): void {
  const checkpoint = readCheckpoint(checkpointDir);
  const { config, weightsPath } = checkpoint;
  const onnx = join(dir, 'onnx');
  mkdirSync(onnx, { recursive: true });
  const graph = decoderGraph(config, (g) => mapWeights(g, config, checkpoint));
  writeFileSync(join(onnx, 'model.onnx'), encodeGraph(graph));
  linkOrCopy(weightsPath, join(onnx, basename(weightsPath)));
  copyFileSync(join(dirname(weightsPath), 'config.json'), join(dir, 'config.json'));
  // No end of text: every side writes as many tokens as it is asked for.
  const generation = { do_sample: false, eos_token_id: null };
  writeFileSync(join(dir, 'generation_config.json'), JSON.stringify(generation));
}

/** The runtime refuses weights behind a symbolic link. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to); // another file system
  }
}
