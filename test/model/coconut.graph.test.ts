// The unrolled training forward against the engine's own runner: thoughts and logits of one ragged batch
// are what prefill and decode compute with their K/V cache, whether or not rows share a context.
import { beforeAll, describe, expect, it } from 'vitest';
import { KvCache } from '../../src/engine/kv-cache.ts';
import { ModelRunner } from '../../src/engine/model-runner.ts';
import { PrefixCache } from '../../src/engine/prefix-cache.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { transformerOf } from '../../src/model/architectures.ts';
import { type Segment, type Unrolling, unrollThoughts } from '../../src/model/coconut.ts';
import type { FillerName } from '../../src/model/fillers.ts';
import type { Gpt2Config } from '../../src/model/model-config.ts';
import { parameterTable } from '../../src/model/parameters.ts';
import { type LatentPlace, layoutIds } from '../../src/model/prompt.ts';
import { encodeServingModel } from '../../src/model/serving-graphs.ts';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { GraphBuilder } from '../../src/onnx/graph.ts';
import { createSession, type Session } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';
import { collate, type StagedGroup, type TrainBatch } from '../../src/training/collate.ts';
import type { StagedExample } from '../../src/training/curriculum.ts';
import { makeRequest } from '../engine/requests.ts';
import { tinyConfig, tinyWeights } from '../support/tiny-model.ts';
import '../support/to-be-allclose.ts';

const config = tinyConfig('coconut');
const weights = tinyWeights(config, 5);
const { n_embd: D, vocab_size: V } = config;
const [lineEnd, bot, eot, eos] = [255, 257, 258, 256];
const tolerance = { relative: 1e-4, absolute: 1e-4 };

/** What a row's sequence yields: its thoughts, and the logits that predict its words and tail token 1, 2, … */
type Row = { thoughts: Float32Array[]; logits: Float32Array[] };

const layouts: Record<string, (thoughts: number) => StagedGroup[]> = {
  'rows that end their thinking each at its own number': (thoughts) => [
    {
      contextIds: [],
      examples: [
        row(6, 4, thoughts),
        row(9, 3, Math.max(0, thoughts - 2)),
        row(4, 5, thoughts - 1),
      ],
    },
  ],
  'rows with their whole text': (thoughts) => [
    { contextIds: [], examples: [row(9, 4, thoughts), row(3, 7, thoughts), row(14, 2, thoughts)] },
  ],
  'rows that write before they think': (thoughts) => [
    { contextIds: ids(11), examples: [writing(4, 3, 3, thoughts), writing(6, 1, 5, thoughts)] },
    { contextIds: ids(7), examples: [writing(2, 6, 6, thoughts), writing(5, 4, 2, thoughts)] },
  ],
  'groups with a shared context': (thoughts) => [
    { contextIds: ids(11), examples: [row(4, 3, thoughts), row(6, 5, thoughts)] },
    { contextIds: ids(7), examples: [row(2, 6, thoughts), row(5, 2, thoughts)] },
  ],
};

const random = new Random(11);
function ids(length: number): number[] {
  return Array.from({ length }, () => random.int(lineEnd));
}
/** Words of its own before the thoughts, which end the one line of it that ends. */
function writing(questionLength: number, words: number, tailLength: number, thoughts: number) {
  const own = [...ids(words - 1), lineEnd];
  return {
    ...row(questionLength, tailLength, thoughts),
    questionIds: [...ids(questionLength), ...own, bot],
    written: words + 1,
  };
}
function row(questionLength: number, tailLength: number, thoughts: number) {
  return {
    questionIds: [...ids(questionLength), bot],
    written: 0,
    thoughts,
    tailIds: [eot, ...ids(tailLength), eos],
    unlabelled: 1,
  };
}

/** hidden [B, 1 + K + T, D] and logits of the same columns, by the graph that training unrolls. */
async function unrolled(
  { feeds, shape, labelMask }: TrainBatch,
  unrolling: Unrolling = config.coconut,
): Promise<Row[]> {
  const g = new GraphBuilder('unrolled');
  const parameters = new Map(
    parameterTable(config).map(({ name, shape }) => [
      name,
      g.initializer(name, shape, weights.get(name)!),
    ]),
  );
  const inputs = new Map(
    Object.entries(feeds)
      .filter(([name]) => name !== 'label_weights')
      .map(([name, { dtype, dims }]) => [name, g.input(name, dtype, dims)]),
  );
  const segment = (name: string): Segment => ({
    ids: inputs.get(`${name}_ids`)!,
    positionIds: inputs.get(`${name}_position_ids`)!,
    keyBias: inputs.get(`${name}_bias`)!,
  });
  const { contexts, rows: B, thoughts: K, tailLength: T } = shape;
  const model = transformerOf(g, config, parameters);
  const { hidden, asked } = unrollThoughts(
    g,
    model,
    {
      context: contexts > 0 ? { ...segment('context'), rowsPerContext: B / contexts } : null,
      question: segment('question'),
      thoughts:
        K > 0
          ? {
              positionIds: inputs.get('thought_position_ids')!,
              keyBias: inputs.get('thought_bias')!,
            }
          : null,
      tail: segment('tail'),
    },
    unrolling,
  );
  g.output('hidden', hidden);
  g.output('logits', model.lmHead(hidden));
  g.output('asked_logits', model.lmHead(asked));
  const graph = g.build();
  const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
  const outputs = await session.run(feeds);
  await session.release();
  const columns = 1 + K + T;
  const { questionLength: Q, writtenLength: W } = shape;
  const cut = (name: string, width: number, b: number, from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => {
      const at = (b * (outputs[name]!.dims[1] as number) + from + i) * width;
      return (outputs[name]!.data as Float32Array).subarray(at, at + width);
    });
  const width = labelMask.length / B;
  const writtenBy = (b: number) =>
    labelMask.slice(b * width, b * width + W).reduce((sum, bit) => sum + bit, 0);
  return Array.from({ length: B }, (_, b) => ({
    thoughts: cut('hidden', D, b, 0, K),
    logits: [
      // But for the one that predicts <bot>, which a server forces.
      ...cut('asked_logits', V, b, Q - 1 - writtenBy(b), Math.max(Q - 2, Q - 1 - writtenBy(b))),
      ...cut('logits', V, b, K + 1, columns),
    ],
  }));
}

/** What a row says of itself, and the request that it says it to. */
function spoken(
  { questionIds, written, thoughts, tailIds }: StagedExample,
  contextIds: readonly number[],
  coconut: Gpt2Config['coconut'],
) {
  // Without <bot>, which the layout adds.
  const ids = [...contextIds, ...questionIds.slice(0, questionIds.length - Math.max(written, 1))];
  const words = written === 0 ? [] : questionIds.slice(-written, -1);
  const said = [...words, ...tailIds.slice(1)];
  const place: LatentPlace =
    written === 0 ? { kind: 'question' } : { kind: 'steps', count: 1, lineEndIds: [lineEnd] };
  return { said, layout: layoutIds({ ...config, coconut }, ids, thoughts, place) };
}

/** The same through prefill and decode; each answer token is forced to be the row's. */
async function served(
  session: Session,
  groups: readonly StagedGroup[],
  coconut: Gpt2Config['coconut'] = config.coconut,
): Promise<Row[]> {
  const examples = groups.flatMap(({ contextIds, examples }) =>
    examples.map((example) => spoken(example, contextIds, coconut)),
  );
  const { n_layer: layers, n_head: heads } = config;
  const cache = new KvCache({ layers, heads, headSize: D / heads, slots: 8, capacity: 64 });
  const runner = new ModelRunner(config, session, cache, new PrefixCache(0));
  const found: Row[] = examples.map(() => ({ thoughts: [], logits: [] }));
  const sequences = examples.map(({ layout, said }, id) => {
    const thoughts = { kind: 'model' as const, ...layout.thoughts };
    const request = { ...layout, thoughts, maxTokens: said.length, stopIds: [] };
    const sequence = new Sequence(id, makeRequest(request), 0);
    sequence.start(0);
    return sequence;
  });
  for (let running = sequences; running.length > 0; ) {
    const rows = running.map((sequence) => ({ sequence, count: sequence.ready }));
    const outputs = await runner.run({ kind: 'decode', rows });
    rows.forEach(({ sequence, count }, i) => {
      const output = outputs[i]!;
      const { thoughts, logits } = found[sequence.id]!;
      if (output.kind === 'hidden') thoughts.push(output.hidden);
      if (output.kind === 'logits') {
        logits.push(output.logits.slice());
        const next = examples[sequence.id]!.said[logits.length - 1]!;
        output.logits.fill(-1).fill(1, next, next + 1);
      }
      sequence.advance(count, output, 0);
    });
    running = running.filter(({ state }) => state.phase !== 'finished');
  }
  return found;
}

let serving: Session;
beforeAll(async () => {
  const { graph, bytes } = encodeServingModel(config, weights);
  serving = await createSession(graph, bytes, { threads: 1 });
});

describe.each(Object.keys(layouts))('%s', (layout) => {
  // A row of `thoughts - 1` needs one to take away.
  const counts = layout.startsWith('rows that end') ? [1, 3, 4] : [0, 1, 3];
  it.each(counts)('with %i thoughts', async (thoughts) => {
    const groups = layouts[layout]!(thoughts);
    const batch = collate(groups, { context: 4, question: 4, tail: 4 });
    const [expected, actual] = [await served(serving, groups), await unrolled(batch)];
    expect(actual).toHaveLength(expected.length);
    expected.forEach((row, b) => {
      expect(row.thoughts).toHaveLength(batch.thoughtCounts[b]!);
      row.thoughts.forEach((thought, k) => {
        expect(actual[b]!.thoughts[k], `row ${b}, thought ${k}`).toBeAllclose(thought, tolerance);
      });
      row.logits.forEach((logits, t) => {
        expect(actual[b]!.logits[t], `row ${b}, label ${t}`).toBeAllclose(logits, tolerance);
      });
    });
  });
});

function expectSameLogits(actual: readonly Row[], expected: readonly Row[]): void {
  expected.forEach((row, b) => {
    row.logits.forEach((logits, t) => {
      expect(actual[b]!.logits[t], `row ${b}, label ${t}`).toBeAllclose(logits, tolerance);
    });
  });
}

describe.each<FillerName>(['zero', 'pause-pass'])('filler %s, a pass per position', (filler) => {
  const coconut = { ...config.coconut, filler, pause_token_id: 259 };

  // A control has no words of its own.
  const controlled = Object.keys(layouts).filter((layout) => !layout.startsWith('rows that write'));
  it.each(controlled)('%s: trained as it is served', async (layout) => {
    const groups = layouts[layout]!(3);
    const batch = collate(groups, { context: 4, question: 4, tail: 4 });
    const actual = await unrolled(batch, coconut);
    expectSameLogits(actual, await served(serving, groups, coconut));
    // And it is no thought that they follow.
    const [thinking] = await unrolled(batch);
    expect(actual[0]!.logits[0]).not.toBeAllclose(thinking!.logits[0]!, tolerance);
  });
});

it.each([0, 2])('positions left out after %i thoughts: trained as served', async (thoughts) => {
  const coconut = { ...config.coconut, skipped_positions: 5 };
  const plain = layouts['groups with a shared context']!(thoughts);
  const groups = plain.map(({ contextIds, examples }) => ({
    contextIds,
    examples: examples.map((example) => ({ ...example, skippedPositions: 5 })),
  }));
  const buckets = { context: 4, question: 4, tail: 4 };
  const actual = await unrolled(collate(groups, buckets));
  expectSameLogits(actual, await served(serving, groups, coconut));
  const [close] = await unrolled(collate(plain, buckets));
  expect(actual[0]!.logits[0]).not.toBeAllclose(close!.logits[0]!, tolerance);
});

describe('thoughts refined in parallel', () => {
  const jacobi = (iterations: number): Unrolling => ({
    ...config.coconut,
    latent_update: { kind: 'jacobi', iterations, slot_token_id: 259 },
  });
  const groups = layouts['groups with a shared context']!(4);
  const batch = collate(groups, { context: 4, question: 4, tail: 4 });

  it.each([4, 6])(
    'are the sequential ones after %i iterations over 4 columns',
    async (iterations) => {
      const [expected, actual] = [await unrolled(batch), await unrolled(batch, jacobi(iterations))];
      const close = { relative: 1e-5, absolute: 1e-5 };
      expected.forEach((row, b) => {
        row.thoughts.forEach((thought, k) => {
          expect(actual[b]!.thoughts[k], `row ${b}, thought ${k}`).toBeAllclose(thought, close);
        });
        row.logits.forEach((logits, t) => {
          expect(actual[b]!.logits[t], `row ${b}, label ${t}`).toBeAllclose(logits, close);
        });
      });
    },
  );

  it('are settled one more with each iteration', async () => {
    const expected = await unrolled(batch);
    const apart = async (iterations: number) =>
      (await unrolled(batch, jacobi(iterations))).map(({ thoughts }, b) =>
        thoughts.findIndex((thought, k) =>
          thought.some((x, d) => Math.abs(x - expected[b]!.thoughts[k]![d]!) > 1e-3),
        ),
      );
    expect(await apart(1)).toEqual([1, 1, 1, 1]);
    expect(await apart(3)).toEqual([3, 3, 3, 3]);
  });
});
