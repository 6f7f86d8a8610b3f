// GPT-2's attention in plain arithmetic, for looking at what heads attend to. Blocks' MLPs are left out:
// the start under test has zeros there.
import type { Gpt2Config } from '../../src/model/model-config.ts';

type Rows = number[][];

/** Softmax weights [layer][head][query][key ≤ query] over token ids from position 0. */
export function attentionMaps(
  config: Gpt2Config,
  weights: ReadonlyMap<string, Float32Array>,
  ids: readonly number[],
): Rows[][] {
  const { n_embd: D, n_head: H, n_layer: L } = config;
  const headSize = D / H;
  const get = (name: string) => weights.get(`transformer.${name}`)!;
  const row = (name: string, index: number) => [...get(name).subarray(index * D, (index + 1) * D)];
  let x = ids.map((id, p) => plus(row('wte.weight', id), row('wpe.weight', p)));
  return Array.from({ length: L }, (_, l) => {
    const qkv = times(x.map(normalized), get(`h.${l}.attn.c_attn.weight`), 3 * D);
    const part = (h: number, which: number) =>
      qkv.map((r) => r.slice(which * D + h * headSize, which * D + (h + 1) * headSize));
    const maps = Array.from({ length: H }, (_, h) => causalSoftmax(part(h, 0), part(h, 1)));
    const mixed = x.map((_, t) => maps.flatMap((map, h) => weightedSum(part(h, 2), map[t]!)));
    const out = times(mixed, get(`h.${l}.attn.c_proj.weight`), D);
    x = x.map((r, t) => plus(r, out[t]!));
    return maps;
  });
}

const plus = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value + b[i]!);

/** LayerNorm with gain 1 and bias 0. */
function normalized(x: readonly number[]): number[] {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return x.map((value) => (value - mean) / Math.sqrt(variance + 1e-5));
}

function times(rows: Rows, matrix: Float32Array, columns: number): Rows {
  return rows.map((row) =>
    Array.from({ length: columns }, (_, j) =>
      row.reduce((sum, value, i) => sum + value * matrix[i * columns + j]!, 0),
    ),
  );
}

function causalSoftmax(queries: Rows, keys: Rows): Rows {
  return queries.map((query, t) => {
    const scores = keys
      .slice(0, t + 1)
      .map((key) => key.reduce((sum, k, i) => sum + k * query[i]!, 0) / Math.sqrt(query.length));
    const largest = Math.max(...scores);
    const powers = scores.map((score) => Math.exp(score - largest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return powers.map((power) => power / total);
  });
}

function weightedSum(rows: Rows, weights: readonly number[]): number[] {
  return rows[0]!.map((_, d) => weights.reduce((sum, w, s) => sum + w * rows[s]![d]!, 0));
}
