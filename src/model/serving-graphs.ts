// The graph that the engine runs: one engine step for B sequences of T new positions each, whatever
// they are doing (prefill, thought or decode). All sizes but the model's are symbolic.
import { encodeGraph } from '../onnx/encode.ts';
import { type Graph, GraphBuilder, type Shape, type Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import { transformerOf } from './architectures.ts';
import { causalBias } from './attention.ts';
import { stopLogits } from './coconut.ts';
import { dimensionsOf, type ModelConfig } from './model-config.ts';
import { parameterTable } from './parameters.ts';

/**
 * Inputs: token_ids, position_ids int64 [B, T]; thought [B, T, D] with is_thought [B, T, 1] (1: feed
 * the vector, 0: the token's embedding); past_bias [B, 1, 1, S] and new_bias [B, 1, 1, T] (0 or
 * MASKED); past_key.l, past_value.l [B, Hkv, S, Dh], S ≥ 1; hidden_rows [N], logit_rows [R] int64, flat b·T + t.
 * Outputs: hidden [N, D] (after the final norm), logits [R, V], new_key.l, new_value.l
 * [B, Hkv, T, Dh]: only new rows, since the runtime copies whatever it returns. With a stop head also
 * stop [N, 2], the probabilities of going on and of stopping at each of the hidden rows.
 */
export function stepGraph(config: ModelConfig, declare = declareInputs): Graph {
  const g = new GraphBuilder('step');
  const { width: D, kvHeads, headSize, layers: L } = dimensionsOf(config);
  const parameters = declare(g, config);
  const model = transformerOf(g, config, parameters);
  const tokenIds = g.input('token_ids', 'int64', ['B', 'T']);
  const positionIds = g.input('position_ids', 'int64', ['B', 'T']);
  const thought = g.input('thought', 'float32', ['B', 'T', D]);
  const isThought = g.input('is_thought', 'float32', ['B', 'T', 1]);
  const pastBias = g.input('past_bias', 'float32', ['B', 1, 1, 'S']);
  const newBias = g.input('new_bias', 'float32', ['B', 1, 1, 'T']);
  const pastShape: Shape = ['B', kvHeads, 'S', headSize];
  const past = Array.from({ length: L }, (_, l) => ({
    key: g.input(`past_key.${l}`, 'float32', pastShape),
    value: g.input(`past_value.${l}`, 'float32', pastShape),
  }));
  const hiddenRows = g.input('hidden_rows', 'int64', ['N']);
  const logitRows = g.input('logit_rows', 'int64', ['R']);

  const words = model.embed(tokenIds); // [B, T, D]
  const isWord = op.sub(g, g.scalar(1), isThought);
  const embeddings = op.add(g, op.mul(g, isThought, thought), op.mul(g, isWord, words));
  const { hidden, layers } = model.forward(
    embeddings,
    positionIds,
    [{ layers: past, bias: pastBias, rowsPerContext: 1 }],
    causalBias(g, positionIds, newBias),
  );
  const rows = op.reshape(g, hidden, ['B*T', D]);
  const thoughts = op.gather(g, rows, hiddenRows);
  g.output('hidden', thoughts);
  if (config.coconut.stop_head)
    g.output('stop', op.softmax(g, stopLogits(g, parameters, thoughts)));
  g.output('logits', model.lmHead(op.gather(g, rows, logitRows)));
  layers.forEach(({ key, value }, l) => {
    g.output(`new_key.${l}`, key);
    g.output(`new_value.${l}`, value);
  });
  return g.build();
}

/** Weights as inputs: for printing, and for tests that vary them. */
function declareInputs(g: GraphBuilder, config: ModelConfig): Map<string, Value> {
  return new Map(
    parameterTable(config).map(({ name, shape }) => [name, g.input(name, 'float32', shape)]),
  );
}

/** The step graph with its weights inside, ready for createSession. */
export function encodeServingModel(
  config: ModelConfig,
  weights: ReadonlyMap<string, Float32Array>,
): { graph: Graph; bytes: Uint8Array } {
  const graph = stepGraph(
    config,
    (g) =>
      new Map(
        parameterTable(config).map(({ name, shape }) => {
          const data = weights.get(name);
          if (!data) throw new Error(`weights: the tensor "${name}" is missing`);
          return [name, g.initializer(name, shape, data)];
        }),
      ),
  );
  return { graph, bytes: encodeGraph(graph) };
}
