// Weights before the first step: `gpt2` is the reference's, the others go on from there.
import { dimensionsOf, type ModelConfig } from '../model/model-config.ts';
import { type ParameterRow, parameterTable } from '../model/parameters.ts';
import { sizeOf } from '../onnx/graph.ts';
import type { Random } from '../random.ts';
import { type InductionStart, layInduction, type TokenRoles } from './induction-start.ts';
import { type DigitSpan, layPlaces, type PlacesStart } from './places-start.ts';

export type Initialization = { kind: 'gpt2' } | InductionStart | PlacesStart;

/** What a start may know of the data: token ids by role, and where every row has its numbers. */
export type StartHints = { roles: TokenRoles; numbers: readonly DigitSpan[] };

export type Weights = Map<string, Float32Array>;

/**
 * normal(0, 0.02) without bias; GPT-2 divides projections into the residual stream by √(2·layers), Llama
 * does not. Throws for another start of anything but GPT-2.
 */
export function initialWeights(
  config: ModelConfig,
  initialization: Initialization,
  { roles, numbers }: StartHints,
  random: Random,
): Weights {
  const weights: Weights = new Map(
    parameterTable(config).map((row) => [row.name, freshTensor(config, row, random)]),
  );
  if (initialization.kind === 'gpt2') return weights;
  if (config.model_type !== 'gpt2') {
    throw new Error(
      `${initialization.kind} start: laid out for gpt2, the model is ${config.model_type}`,
    );
  }
  if (initialization.kind === 'places') layPlaces(config, initialization, numbers, weights, random);
  else layInduction(config, initialization, roles, weights, random);
  return weights;
}

function freshTensor(
  config: ModelConfig,
  { name, shape, kind }: ParameterRow,
  random: Random,
): Float32Array {
  const { layers } = dimensionsOf(config);
  const scale = name.endsWith('c_proj.weight') ? 0.02 / Math.sqrt(2 * layers) : 0.02;
  const data = new Float32Array(sizeOf(shape));
  if (kind === 'gain') return data.fill(1);
  return kind === 'bias' ? data : data.map(() => scale * random.normal());
}

/** The weights, and new ones for those of `rows` that they lack: a head or decoder that training adds. */
export function withFresh(
  weights: ReadonlyMap<string, Float32Array>,
  rows: readonly ParameterRow[],
  config: ModelConfig,
  random: Random,
): Weights {
  const lacking = rows.filter(({ name }) => !weights.has(name));
  const fresh = lacking.map((row) => [row.name, freshTensor(config, row, random)] as const);
  return new Map([...weights, ...fresh]);
}
