// Low-rank adapters (LoRA: Hu et al. 2021, arXiv 2106.09685): a model stays as it is, and what is trained is added to
// it: of each weight matrix a product of two thin ones, of each table the rows of tokens that the model lacks. Named
// as Hugging Face's PEFT names them.
import { type GraphBuilder, sizeOf, type Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import type { ModelConfig } from './model-config.ts';
import { isStopHead, type ParameterRow, type Parameters, parameterTable } from './parameters.ts';

/** W becomes W + (alpha / rank) · B·A, with A [rank, in] and B [out, rank]. */
export type LowRank = { rank: number; alpha: number };

/** A model and what it comes from, which may have fewer tokens and is the same otherwise. */
export type Adapted = { config: ModelConfig; base: ModelConfig; lowRank: LowRank };

/** Where it stands, and the sha256 of its weights, in hex. */
export type BaseReference = { path: string; sha256: string };

/** A parameter of the adapted model: as the base has it, with a product added, or with rows below it. */
type Adaptation =
  | { kind: 'frozen'; row: ParameterRow }
  | { kind: 'product'; row: ParameterRow; a: ParameterRow; b: ParameterRow }
  | { kind: 'rows'; row: ParameterRow; added: ParameterRow };

/**
 * How each parameter comes about.
 * @throws for a stop head, which is no change of anything that the base has, and where the base is another model
 */
function adaptations({ config, base, lowRank: { rank } }: Adapted): Adaptation[] {
  const known = new Map(parameterTable(base).map((row) => [row.name, row]));
  return parameterTable(config).map((row): Adaptation => {
    if (isStopHead(row.name)) throw new Error(`${row.name}: an adapter has no stop head`);
    const own = known.get(row.name);
    if (!own || !isGrownFrom(own, row)) {
      const has = own ? `[${own.shape}]` : 'none';
      throw new Error(`${row.name} is [${row.shape}], the base has ${has}`);
    }
    const stem = row.name.replace(/\.weight$/, '');
    const [rows, width] = row.shape as [number, number];
    if (row.kind === 'matrix') {
      const [from, to] = isStoredByInput(config) ? [rows, width] : [width, rows];
      const a: ParameterRow = {
        name: `${stem}.lora_A.weight`,
        shape: [rank, from],
        kind: 'matrix',
      };
      const b: ParameterRow = { name: `${stem}.lora_B.weight`, shape: [to, rank], kind: 'matrix' };
      return { kind: 'product', row, a, b };
    }
    const added = rows - own.shape[0]!;
    if (added === 0) return { kind: 'frozen', row };
    const name = `${stem}.token_adapter.trainable_tokens_delta`;
    return { kind: 'rows', row, added: { name, shape: [added, width], kind: 'embedding' } };
  });
}

/** Of the same shape, but that a table may have further rows. */
function isGrownFrom({ shape: [least, ...own] }: ParameterRow, { shape, kind }: ParameterRow) {
  const [rows, ...width] = shape;
  const hasRows = kind === 'embedding' ? rows! >= least! : rows === least;
  return hasRows && String(width) === String(own);
}

/** GPT-2's matrices are [in, out], Llama's [out, in]. */
const isStoredByInput = ({ model_type }: ModelConfig): boolean => model_type === 'gpt2';

/** What is trained, in the order of the model's parameters. */
export function adapterTable(adapted: Adapted): ParameterRow[] {
  return adaptations(adapted).flatMap((adaptation) => {
    if (adaptation.kind === 'product') return [adaptation.a, adaptation.b];
    return adaptation.kind === 'rows' ? [adaptation.added] : [];
  });
}

/** The parameters that the forward pass reads, computed from those of base and adapter. */
export function adaptedParameters(
  g: GraphBuilder,
  adapted: Adapted,
  frozen: Parameters,
  trained: Parameters,
): Map<string, Value> {
  const { alpha, rank } = adapted.lowRank;
  const scale = g.scalar(alpha / rank);
  const adapt = (adaptation: Adaptation): Value => {
    const own = frozen.get(adaptation.row.name)!;
    if (adaptation.kind === 'frozen') return own;
    if (adaptation.kind === 'rows')
      return op.concat(g, [own, trained.get(adaptation.added.name)!], 0);
    const [a, b] = [trained.get(adaptation.a.name)!, trained.get(adaptation.b.name)!];
    const turned = (x: Value): Value => op.transpose(g, x, [1, 0]);
    const product = isStoredByInput(adapted.config)
      ? op.matmul(g, turned(a), turned(b))
      : op.matmul(g, b, a);
    return op.add(g, own, op.mul(g, scale, product));
  };
  return new Map(
    adaptations(adapted).map((adaptation) => [
      adaptation.row.name,
      g.scope('adapter', () => adapt(adaptation)),
    ]),
  );
}

type Numbers = Pick<ReadonlyMap<string, Float32Array>, 'get'>;

/**
 * The same in numbers, each parameter made when it is asked for. Sums are of doubles in one order, so that base and
 * adapter make the same bytes everywhere.
 *
 * @param baseWeights by name, as the base has them
 */
export function mergedWeights(
  adapted: Adapted,
  baseWeights: Numbers,
  trained: Numbers,
): Pick<ReadonlyMap<string, Float32Array>, 'has' | 'get'> {
  const all = new Map(adaptations(adapted).map((one) => [one.row.name, one]));
  const get = (name: string): Float32Array | undefined => {
    const adaptation = all.get(name);
    if (!adaptation) return undefined;
    const own = baseWeights.get(name)!;
    if (adaptation.kind === 'frozen') return own;
    if (adaptation.kind === 'rows') return joined(own, trained.get(adaptation.added.name)!);
    const [a, b] = [trained.get(adaptation.a.name)!, trained.get(adaptation.b.name)!];
    return withProduct(own, a, b, adapted);
  };
  return { has: (name) => all.has(name), get };
}

function joined(upper: Float32Array, lower: Float32Array): Float32Array {
  const all = new Float32Array(upper.length + lower.length);
  all.set(upper);
  all.set(lower, upper.length);
  return all;
}

function withProduct(
  own: Float32Array,
  a: Float32Array,
  b: Float32Array,
  { config, lowRank: { rank, alpha } }: Adapted,
): Float32Array {
  const storedByInput = isStoredByInput(config);
  const [from, to] = [a.length / rank, b.length / rank];
  const merged = new Float32Array(own.length);
  for (let o = 0; o < to; o++) {
    for (let i = 0; i < from; i++) {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += b[o * rank + r]! * a[r * from + i]!;
      const at = storedByInput ? i * to + o : o * from + i;
      merged[at] = own[at]! + (alpha / rank) * sum;
    }
  }
  return merged;
}

/**
 * Where training begins: A uniform within 1/√in and B zero, so that the model is the base at first, as PEFT has it.
 *
 * @param tables by name, already with rows for the tokens that the base lacks
 * @param uniform draws from [0, 1)
 */
export function freshAdapter(
  adapted: Adapted,
  tables: Numbers,
  uniform: () => number,
): Map<string, Float32Array> {
  const fresh = new Map<string, Float32Array>();
  for (const adaptation of adaptations(adapted)) {
    if (adaptation.kind === 'product') {
      const { a, b } = adaptation;
      const bound = 1 / Math.sqrt(a.shape[1]!);
      fresh.set(
        a.name,
        new Float32Array(sizeOf(a.shape)).map(() => bound * (2 * uniform() - 1)),
      );
      fresh.set(b.name, new Float32Array(sizeOf(b.shape)));
    } else if (adaptation.kind === 'rows') {
      const { row, added } = adaptation;
      fresh.set(added.name, tables.get(row.name)!.slice(-sizeOf(added.shape)));
    }
  }
  return fresh;
}
