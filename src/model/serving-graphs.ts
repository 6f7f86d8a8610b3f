// The graph that the engine runs: one engine step for B sequences of T new positions each, whatever
// they are doing (prefill, thought or decode). All sizes but the model's are symbolic.
import { encodeGraph } from '../onnx/encode.ts';
import { type Graph, GraphBuilder, type Shape, type Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import { transformerOf } from './architectures.ts';
import { causalBias, type KeyValues } from './attention.ts';
import { stopLogits } from './coconut.ts';
import { dimensionsOf, type ModelConfig } from './model-config.ts';
import { parameterTable } from './parameters.ts';

/**
 * Where the keys and values of past positions lie. host: in arrays of the caller's, past_key.l and
 * past_value.l [B, Hkv, S, Dh], S ≥ 1; the graph returns new_key.l and new_value.l [B, Hkv, T, Dh], only
 * new rows, since the runtime copies whatever it returns. device: in tables key_rows.l and value_rows.l
 * [P, Hkv·Dh], a row per position, which never leave it; past_rows int64 [B, S] says where each past
 * position lies, new_rows [M, 1] where the new positions new_places [M] (flat b·T + t) are to go, and
 * next_key_rows.l, next_value_rows.l are the tables with them, to be written in place.
 */
export type KvResidence = 'host' | 'device';

/**
 * Inputs: token_ids, position_ids int64 [B, T]; thought [B, T, D] with is_thought [B, T, 1] (1: feed
 * the vector, 0: the token's embedding); past_bias [B, 1, 1, S] and new_bias [B, 1, 1, T] (0 or
 * MASKED); hidden_rows [N], logit_rows [R] int64, flat b·T + t; those of the residence.
 * Outputs: hidden [N, D] (after the final norm), logits [R, V]; those of the residence. With a stop head
 * also stop [N, 2], the probabilities of going on and of stopping at each of the hidden rows.
 */
export function stepGraph(
  config: ModelConfig,
  residence: KvResidence,
  declare = declareInputs,
): Graph {
  const g = new GraphBuilder('step');
  const { width: D } = dimensionsOf(config);
  const parameters = declare(g, config);
  const model = transformerOf(g, config, parameters);
  const tokenIds = g.input('token_ids', 'int64', ['B', 'T']);
  const positionIds = g.input('position_ids', 'int64', ['B', 'T']);
  const thought = g.input('thought', 'float32', ['B', 'T', D]);
  const isThought = g.input('is_thought', 'float32', ['B', 'T', 1]);
  const pastBias = g.input('past_bias', 'float32', ['B', 1, 1, 'S']);
  const newBias = g.input('new_bias', 'float32', ['B', 1, 1, 'T']);
  const cache = residence === 'host' ? hostCache(g, config) : tableCache(g, config);
  const hiddenRows = g.input('hidden_rows', 'int64', ['N']);
  const logitRows = g.input('logit_rows', 'int64', ['R']);

  const words = model.embed(tokenIds); // [B, T, D]
  const isWord = op.sub(g, g.scalar(1), isThought);
  const embeddings = op.add(g, op.mul(g, isThought, thought), op.mul(g, isWord, words));
  const { hidden, layers } = model.forward(
    embeddings,
    positionIds,
    [{ layers: cache.past, bias: pastBias, rowsPerContext: 1 }],
    causalBias(g, positionIds, newBias),
  );
  const rows = op.reshape(g, hidden, ['B*T', D]);
  const thoughts = op.gather(g, rows, hiddenRows);
  g.output('hidden', thoughts);
  if (config.coconut.stop_head)
    g.output('stop', op.softmax(g, stopLogits(g, parameters, thoughts)));
  g.output('logits', model.lmHead(op.gather(g, rows, logitRows)));
  cache.store(layers);
  return g.build();
}

/** The past of each layer, [B, Hkv, S, Dh], and what becomes of the new positions, [B, Hkv, T, Dh]. */
type CachePlumbing = { past: KeyValues[]; store: (layers: readonly KeyValues[]) => void };

function hostCache(g: GraphBuilder, config: ModelConfig): CachePlumbing {
  const { kvHeads, headSize, layers: L } = dimensionsOf(config);
  const shape: Shape = ['B', kvHeads, 'S', headSize];
  const past = Array.from({ length: L }, (_, l) => ({
    key: g.input(`past_key.${l}`, 'float32', shape),
    value: g.input(`past_value.${l}`, 'float32', shape),
  }));
  const store = (layers: readonly KeyValues[]) =>
    layers.forEach(({ key, value }, l) => {
      g.output(`new_key.${l}`, key);
      g.output(`new_value.${l}`, value);
    });
  return { past, store };
}

function tableCache(g: GraphBuilder, config: ModelConfig): CachePlumbing {
  const { kvHeads, headSize, layers: L } = dimensionsOf(config);
  const width = kvHeads * headSize;
  const pastRows = g.input('past_rows', 'int64', ['B', 'S']);
  const newRows = g.input('new_rows', 'int64', ['M', 1]);
  const newPlaces = g.input('new_places', 'int64', ['M']);
  const tables = Array.from({ length: L }, (_, l) => ({
    key: g.input(`key_rows.${l}`, 'float32', ['P', width]),
    value: g.input(`value_rows.${l}`, 'float32', ['P', width]),
  }));
  const pastOf = (table: Value): Value => {
    const rows = op.gather(g, table, pastRows); // [B, S, Hkv·Dh]
    return op.transpose(g, op.reshape(g, rows, ['B', 'S', kvHeads, headSize]), [0, 2, 1, 3]);
  };
  const withNew = (table: Value, fresh: Value): Value => {
    const rows = op.reshape(g, op.transpose(g, fresh, [0, 2, 1, 3]), ['B*T', width]);
    return op.scatterRows(g, table, newRows, op.gather(g, rows, newPlaces));
  };
  const past = tables.map(({ key, value }) => ({ key: pastOf(key), value: pastOf(value) }));
  const store = (layers: readonly KeyValues[]) =>
    layers.forEach(({ key, value }, l) => {
      g.output(`next_key_rows.${l}`, withNew(tables[l]!.key, key));
      g.output(`next_value_rows.${l}`, withNew(tables[l]!.value, value));
    });
  return { past, store };
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
  residence: KvResidence = 'host',
): { graph: Graph; bytes: Uint8Array } {
  const graph = stepGraph(
    config,
    residence,
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
