// Low-rank adapters: what is trained, and that the graph and the merge make the same model of it.
import { describe, expect, it } from 'vitest';
import {
  type Adapted,
  adaptedParameters,
  adapterTable,
  freshAdapter,
  mergedWeights,
} from '../../src/model/adapter.ts';
import { parameterTable } from '../../src/model/parameters.ts';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { GraphBuilder } from '../../src/onnx/graph.ts';
import { createSession, tensor } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';
import { tinyAdapted, tinyAdapterWeights } from '../support/tiny-adapter.ts';
import { tinyWeights } from '../support/tiny-model.ts';
import '../support/to-be-allclose.ts';

const cases = Object.entries(tinyAdapted);

const mergedCopy = (adapted: Adapted, trained: Map<string, Float32Array>) => {
  const merged = mergedWeights(adapted, tinyWeights(adapted.base, 1), trained);
  return new Map(
    parameterTable(adapted.config).map(({ name }) => [name, merged.get(name)!] as const),
  );
};

/** The adapted parameters that are not simply the base's, as the graph computes them. */
async function computed(adapted: Adapted, trained: Map<string, Float32Array>) {
  const g = new GraphBuilder('adapter');
  const declare = (rows: ReturnType<typeof parameterTable>) =>
    new Map(rows.map(({ name, shape }) => [name, g.input(name, 'float32', shape)]));
  const [base, added] = [parameterTable(adapted.base), adapterTable(adapted)];
  const frozen = declare(base);
  const values = adaptedParameters(g, adapted, frozen, declare(added));
  const changed = [...values].filter(([name, value]) => value !== frozen.get(name));
  for (const [name, value] of changed) g.output(`adapted/${name}`, value);
  const graph = g.build();
  const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
  const shapes = new Map([...base, ...added].map(({ name, shape }) => [name, shape]));
  const feeds = [...tinyWeights(adapted.base, 1), ...trained].map(
    ([name, data]) => [name, tensor('float32', data, shapes.get(name)!)] as const,
  );
  const asked = new Set(graph.inputs.map(({ name }) => name));
  const outputs = await session.run(Object.fromEntries(feeds.filter(([name]) => asked.has(name))));
  await session.release();
  return new Map(changed.map(([name]) => [name, outputs[`adapted/${name}`]!]));
}

describe('the table of what is trained', () => {
  it('is a pair per matrix, named and shaped as PEFT has them, and rows per table', () => {
    const shapesOf = (adapted: Adapted, pattern: RegExp) =>
      Object.fromEntries(
        adapterTable(adapted)
          .filter(({ name }) => pattern.test(name))
          .map(({ name, shape }) => [name, shape]),
      );
    const attention = 'transformer.h.1.attn.c_attn';
    expect(shapesOf(tinyAdapted.gpt2, /wte|wpe|h\.1\.attn\.c_attn/)).toEqual({
      'transformer.wte.token_adapter.trainable_tokens_delta': [3, 16],
      [`${attention}.lora_A.weight`]: [3, 16],
      [`${attention}.lora_B.weight`]: [48, 3],
    });
    const down = 'model.layers.0.mlp.down_proj';
    expect(shapesOf(tinyAdapted.llama, /embed_tokens|lm_head|0\.mlp\.down/)).toEqual({
      'model.embed_tokens.token_adapter.trainable_tokens_delta': [3, 16],
      [`${down}.lora_A.weight`]: [3, 24],
      [`${down}.lora_B.weight`]: [16, 3],
      'lm_head.token_adapter.trainable_tokens_delta': [3, 16],
    });
  });

  it('refuses a stop head', () => {
    const { config, ...rest } = tinyAdapted.gpt2;
    const headed = { ...config, coconut: { ...config.coconut, stop_head: true } };
    expect(() => adapterTable({ ...rest, config: headed })).toThrow(
      'latent_stop_head.weight: an adapter has no stop head',
    );
  });
});

describe.each(cases)('%s', (_, adapted) => {
  it('merges to what the graph computes', async () => {
    const trained = tinyAdapterWeights(adapted);
    const merged = mergedCopy(adapted, trained);
    const values = await computed(adapted, trained);
    const pairs = adapterTable(adapted).filter(({ name }) => name.endsWith('lora_A.weight'));
    const tables = adapterTable(adapted).filter(({ kind }) => kind === 'embedding');
    expect(values.size).toBe(pairs.length + tables.length);
    for (const [name, { data, dims }] of values) {
      const { shape } = parameterTable(adapted.config).find((row) => row.name === name)!;
      expect(dims, name).toEqual(shape);
      expect(data as Float32Array, name).toBeAllclose(merged.get(name)!, {
        relative: 1e-5,
        absolute: 1e-6,
      });
    }
  });

  it('leaves the base as it is but for matrices and added rows', () => {
    const base = tinyWeights(adapted.base, 1);
    const merged = mergedCopy(adapted, tinyAdapterWeights(adapted));
    for (const { name, kind } of parameterTable(adapted.config)) {
      const [before, after] = [base.get(name)!, merged.get(name)!];
      if (kind === 'matrix') expect(after, name).not.toEqual(before);
      else expect(after.subarray(0, before.length), name).toEqual(before);
    }
  });

  it('begins as the base, with the rows of the grown tables', () => {
    const grown = tinyWeights(adapted.config, 2);
    const random = new Random(1);
    const fresh = freshAdapter(adapted, grown, () => random.uniform());
    expect([...fresh.keys()]).toEqual(adapterTable(adapted).map(({ name }) => name));
    const base = tinyWeights(adapted.base, 1);
    const merged = mergedCopy(adapted, fresh);
    for (const [name, after] of merged) {
      const before = base.get(name)!;
      expect(after.subarray(0, before.length), name).toEqual(before);
      expect(after.subarray(before.length), name).toEqual(grown.get(name)!.subarray(before.length));
    }
    for (const { name, shape } of adapterTable(adapted)) {
      if (!name.endsWith('lora_A.weight')) continue;
      const sizes = fresh.get(name)!.map(Math.abs);
      const bound = 1 / Math.sqrt(shape[1]!);
      expect(Math.max(...sizes), name).toBeLessThanOrEqual(bound);
      expect(Math.max(...sizes), name).toBeGreaterThan(0.8 * bound);
    }
  });
});
