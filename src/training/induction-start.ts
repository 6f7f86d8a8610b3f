// The induction start: GPT-2's architecture with what transformers take long to grow from noise on look-up tasks.
// First-layer heads that look a fixed distance back, later heads that find the place where a word was named before
// (induction heads, Olsson et al. 2022, arXiv 2209.11895; the idea of such a start is mimetic initialisation,
// Trockman & Kolter 2023, arXiv 2305.09828). Nothing is frozen: it is only where training begins.
import type { Gpt2Config } from '../model/model-config.ts';
import type { Random } from '../random.ts';

export type InductionStart = {
  kind: 'induction';
  /** Distance in tokens that each head of the first layer looks back. */
  offsets: readonly number[];
  /** How many of them, the first ones, file what they see as the earlier word; the others add it to the word. */
  filingHeads: number;
  /** L2 norm of a used token's embedding, and of each position embedding. */
  embeddingNorm: number;
  /** Sharpness of the looking-back heads, and of the matching ones. */
  offsetGain: number;
  matchGain: number;
  /** How much of what a head sees it adds to the residual stream. */
  copyGain: number;
  /** L2 norm of a thought (the final LayerNorm's gain times √n_embd). */
  thoughtNorm: number;
};

/** Token ids by role: forms of one entity share a direction; structure words get one each. */
export type TokenRoles = { entities: readonly (readonly number[])[]; structure: readonly number[] };

/** Heads of each later layer that start with a role. */
const MATCHING_HEADS = 2;

/** How the residual stream is shared out: word identity, identity of an earlier word, structure, position. */
type Layout = {
  words: number;
  earlier: number;
  structure: number;
  position: number;
  pairs: number;
};

function layoutOf(config: Gpt2Config, roles: TokenRoles): Layout {
  const entities = roles.entities.length;
  if (entities === 0)
    throw new Error('induction start: the data names no entities; use start.kind "gpt2"');
  const position = 2 * entities + roles.structure.length;
  const pairs = Math.floor((config.n_embd - position) / 2);
  const headSize = config.n_embd / config.n_head;
  if (pairs < 4) {
    throw new Error(
      `induction start: ${entities} entities and ${roles.structure.length} structure words need n_embd ≥ ${position + 8}, got ${config.n_embd}`,
    );
  }
  return {
    words: 0,
    earlier: entities,
    structure: 2 * entities,
    position,
    pairs: Math.min(pairs, headSize / 2),
  };
}

/** Overwrites what it lays out; the other weights stay as they are. @throws where the width is too small for the words */
export function layInduction(
  config: Gpt2Config,
  options: InductionStart,
  roles: TokenRoles,
  weights: ReadonlyMap<string, Float32Array>,
  random: Random,
): void {
  const { n_embd: D, n_head: H, n_layer: L } = config;
  const layout = layoutOf(config, roles);
  const headSize = D / H;
  embed(config, options, roles, layout, weights);
  for (let l = 0; l < L; l++) {
    const qkv = matrix(weights, `h.${l}.attn.c_attn.weight`, 3 * D);
    const out = matrix(weights, `h.${l}.attn.c_proj.weight`, D);
    weights.get(`transformer.h.${l}.mlp.c_proj.weight`)!.fill(0);
    for (let h = 0; h < H; h++) {
      const offset = options.offsets[h];
      // Heads without a role start as GPT-2's do: training must have room for what it needs.
      if (l === 0 ? offset === undefined : h >= MATCHING_HEADS) continue;
      const [query, key, value] = [h * headSize, D + h * headSize, 2 * D + h * headSize];
      const basis = orthonormalRows(roles.entities.length, random).map((row) =>
        row.slice(0, headSize),
      );
      // What is seen is the word there; filing heads note it as the earlier word.
      const filed = l === 0 && h < options.filingHeads ? layout.earlier : layout.words;
      addBlock(qkv, layout.words, value, basis, 1);
      addBlock(out, h * headSize, filed, transposed(basis), options.copyGain);
      if (l === 0) {
        lookBack(qkv, query, key, layout, offset!, options.offsetGain);
      } else {
        // Head 0 asks where this word was the earlier one (what follows it), head 1 where it stands.
        addBlock(qkv, layout.words, query, basis, options.matchGain);
        if (h === 0) addBlock(qkv, layout.earlier, key, basis, options.matchGain);
        else addBlock(qkv, layout.words, key, basis, options.matchGain / 2);
      }
    }
  }
  weights.get('transformer.ln_f.weight')!.fill(options.thoughtNorm / Math.sqrt(D));
}

function embed(
  config: Gpt2Config,
  options: InductionStart,
  roles: TokenRoles,
  layout: Layout,
  weights: ReadonlyMap<string, Float32Array>,
): void {
  const wte = matrix(weights, 'wte.weight', config.n_embd);
  const wpe = matrix(weights, 'wpe.weight', config.n_embd);
  const assign = (ids: readonly number[], dimension: number): void => {
    for (const id of ids) {
      wte.data.fill(0, id * wte.columns, (id + 1) * wte.columns);
      wte.data[id * wte.columns + dimension] = options.embeddingNorm;
    }
  };
  for (const [i, forms] of roles.entities.entries()) assign(forms, layout.words + i);
  for (const [i, id] of roles.structure.entries()) assign([id], layout.structure + i);
  wpe.data.fill(0);
  const amplitude = options.embeddingNorm / Math.sqrt(layout.pairs);
  frequencies(layout.pairs).forEach((w, i) => {
    for (let p = 0; p < config.n_positions; p++) {
      wpe.data[p * wpe.columns + layout.position + 2 * i] = amplitude * Math.cos(w * p);
      wpe.data[p * wpe.columns + layout.position + 2 * i + 1] = amplitude * Math.sin(w * p);
    }
  });
}

/** Angular frequencies whose wavelengths run geometrically from 2.3 to 600 tokens. */
function frequencies(pairs: number): number[] {
  const [shortest, longest] = [2.3, 600];
  return Array.from(
    { length: pairs },
    (_, i) => (2 * Math.PI) / (shortest * (longest / shortest) ** (i / (pairs - 1))),
  );
}

type Matrix = { data: Float32Array; columns: number };

const matrix = (
  weights: ReadonlyMap<string, Float32Array>,
  name: string,
  columns: number,
): Matrix => ({
  data: weights.get(`transformer.${name}`)!,
  columns,
});

/** Query: the position's sinusoids turned back by `offset`; key: the sinusoids as they are. */
function lookBack(
  qkv: Matrix,
  query: number,
  key: number,
  layout: Layout,
  offset: number,
  gain: number,
): void {
  frequencies(layout.pairs).forEach((w, i) => {
    const [cos, sin] = [gain * Math.cos(w * offset), gain * Math.sin(w * offset)];
    const row = (layout.position + 2 * i) * qkv.columns;
    const next = row + qkv.columns;
    // (cos wp, sin wp) · M = (cos w(p − offset), sin w(p − offset))
    qkv.data[row + query + 2 * i]! += cos;
    qkv.data[next + query + 2 * i]! += sin;
    qkv.data[row + query + 2 * i + 1]! -= sin;
    qkv.data[next + query + 2 * i + 1]! += cos;
    qkv.data[row + key + 2 * i]! += gain;
    qkv.data[next + key + 2 * i + 1]! += gain;
  });
}

function addBlock(
  into: Matrix,
  row: number,
  column: number,
  block: readonly number[][],
  gain: number,
): void {
  block.forEach((values, i) => {
    values.forEach((x, j) => {
      into.data[(row + i) * into.columns + column + j]! += gain * x;
    });
  });
}

const transposed = (block: readonly number[][]): number[][] =>
  block[0]!.map((_, j) => block.map((row) => row[j]!));

/** A random orthonormal basis of ℝⁿ (Gram–Schmidt on normal vectors). */
function orthonormalRows(n: number, random: Random): number[][] {
  const rows: number[][] = [];
  while (rows.length < n) {
    const row = Array.from({ length: n }, () => random.normal());
    for (const known of rows) {
      const overlap = known.reduce((sum, x, d) => sum + x * row[d]!, 0);
      known.forEach((x, d) => {
        row[d]! -= overlap * x;
      });
    }
    const norm = Math.hypot(...row);
    rows.push(row.map((x) => x / norm));
  }
  return rows;
}
