// The served model against PyTorch: thoughts and logits of the step graph, run as the engine runs it
// (prefill, one decode step per thought, tail), on items alone and on all of them padded into one batch.
import { beforeAll, describe, expect, it } from 'vitest';
import { MASKED } from '../../src/model/attention.ts';
import { type Dimensions, dimensionsOf } from '../../src/model/model-config.ts';
import { encodeServingModel } from '../../src/model/serving-graphs.ts';
import { createSession, type Session, tensor } from '../../src/onnx/session.ts';
import {
  type GoldenArchitecture,
  type GoldenItem,
  goldenArchitectures,
  goldenModel,
  readGolden,
} from '../support/golden.ts';
import '../support/to-be-allclose.ts';

/** float32 against float64 that was printed to six digits. */
const tolerance = { relative: 1e-5, absolute: 1e-5 };

/** New positions of B sequences: B × T token ids or thoughts, and where padding is. */
type Step = { T: number; cells: Cell[][] };
type Cell = { id: number } | { thought: Float32Array } | 'padding';

type Model = { session: Session; sizes: Dimensions };

async function loadModel(architecture: GoldenArchitecture): Promise<Model> {
  const { config, weights } = goldenModel(architecture);
  const { graph, bytes } = encodeServingModel(config, weights);
  const session = await createSession(graph, bytes, { threads: 1 });
  return { session, sizes: dimensionsOf(config) };
}

const tokens = (ids: readonly number[]): Cell[] => ids.map((id) => ({ id }));
const padding = (count: number): Cell[] => Array<Cell>(count).fill('padding');

function padded(rows: readonly Cell[][], side: 'left' | 'right'): Step {
  const T = Math.max(...rows.map((row) => row.length));
  const cells = rows.map((row) => {
    const blank = padding(T - row.length);
    return side === 'left' ? [...blank, ...row] : [...row, ...blank];
  });
  return { T, cells };
}

/** The engine's part in little: keeps keys, values, masks and lengths between steps. */
class Conversation {
  readonly #model: Model;
  readonly #rows: number;
  readonly #lengths: number[];
  #bias: number[][];
  /** Per layer and side (key, value), per b·Hkv + h: [S, Dh] flat. */
  readonly #cache: Float32Array[][];

  constructor(model: Model, rows: number) {
    const { layers, kvHeads, headSize } = model.sizes;
    this.#model = model;
    this.#rows = rows;
    this.#lengths = Array<number>(rows).fill(0);
    // The graph wants a past: one position that nothing may look at.
    this.#bias = Array.from({ length: rows }, () => [MASKED]);
    this.#cache = Array.from({ length: 2 * layers }, () =>
      Array.from({ length: rows * kvHeads }, () => new Float32Array(headSize)),
    );
  }

  /** @returns hidden and logits of every new position, row b·T + t. */
  async run({ T, cells }: Step): Promise<{ hidden: Float32Array[]; logits: Float32Array[] }> {
    const { session, sizes } = this.#model;
    const { kvHeads, headSize, width, vocab } = sizes;
    const [B, S] = [this.#rows, this.#bias[0]!.length];
    const newBias = cells.map((row) => row.map((cell) => (cell === 'padding' ? MASKED : 0)));
    const all = BigInt64Array.from({ length: B * T }, (_, row) => BigInt(row));
    const cacheShape = [B, kvHeads, S, headSize];
    const cache = this.#cache.map((blocks, i) => [
      `past_${i % 2 === 0 ? 'key' : 'value'}.${i >> 1}`,
      tensor('float32', concatenate(blocks), cacheShape),
    ]);
    const outputs = await session.run({
      ...embeddingFeeds(cells, T, width),
      position_ids: tensor('int64', this.#positions(cells), [B, T]),
      past_bias: tensor('float32', Float32Array.from(this.#bias.flat()), [B, 1, 1, S]),
      new_bias: tensor('float32', Float32Array.from(newBias.flat()), [B, 1, 1, T]),
      ...Object.fromEntries(cache),
      hidden_rows: tensor('int64', all, [B * T]),
      logit_rows: tensor('int64', all, [B * T]),
    });
    this.#bias = this.#bias.map((row, b) => [...row, ...newBias[b]!]);
    this.#cache.forEach((blocks, i) => {
      const fresh = outputs[`new_${i % 2 === 0 ? 'key' : 'value'}.${i >> 1}`]!.data as Float32Array;
      const size = T * headSize;
      blocks.forEach((block, at) => {
        blocks[at] = concatenate([block, fresh.subarray(at * size, (at + 1) * size)]);
      });
    });
    const rowsOf = (name: string, width: number): Float32Array[] =>
      Array.from({ length: B * T }, (_, row) =>
        (outputs[name]!.data as Float32Array).subarray(row * width, (row + 1) * width),
      );
    return { hidden: rowsOf('hidden', width), logits: rowsOf('logits', vocab) };
  }

  #positions(cells: readonly Cell[][]): BigInt64Array {
    const ids = cells.flatMap((row, b) =>
      row.map((cell) => BigInt(cell === 'padding' ? 0 : this.#lengths[b]!++)),
    );
    return BigInt64Array.from(ids);
  }
}

function embeddingFeeds(cells: readonly Cell[][], T: number, D: number) {
  const flat = cells.flat();
  const thoughts = new Float32Array(flat.length * D);
  flat.forEach((cell, row) => {
    if (cell !== 'padding' && 'thought' in cell) thoughts.set(cell.thought, row * D);
  });
  const ids = flat.map((cell) => BigInt(cell !== 'padding' && 'id' in cell ? cell.id : 0));
  const isThought = flat.map((cell) => (cell !== 'padding' && 'thought' in cell ? 1 : 0));
  return {
    token_ids: tensor('int64', BigInt64Array.from(ids), [cells.length, T]),
    thought: tensor('float32', thoughts, [cells.length, T, D]),
    is_thought: tensor('float32', Float32Array.from(isThought), [cells.length, T, 1]),
  };
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Question, `thoughts` fed-back states, tail. */
async function think(model: Model, items: readonly GoldenItem[], thoughts: number) {
  const conversation = new Conversation(model, items.length);
  const question = padded(
    items.map((item) => tokens(item.question)),
    'left',
  );
  const asked = await conversation.run(question);
  let states = items.map((_, b) => asked.hidden[(b + 1) * question.T - 1]!);
  const found: Float32Array[][] = items.map(() => []);
  for (let k = 0; k < thoughts; k++) {
    for (const [b, state] of states.entries()) found[b]!.push(state);
    const step = await conversation.run({ T: 1, cells: states.map((thought) => [{ thought }]) });
    states = step.hidden;
  }
  const tail = padded(
    items.map((item) => tokens(item.tail)),
    'right',
  );
  const { logits } = await conversation.run(tail);
  return items.map((item, b) => ({
    thoughts: found[b]!,
    logits: logits.slice(b * tail.T, b * tail.T + item.tail.length - 1),
  }));
}

const cases = goldenArchitectures.flatMap((architecture) =>
  ([0, 1, 3] as const).map((thoughts) => ({ architecture, thoughts })),
);

describe.each(cases)('$architecture, $thoughts thoughts', ({ architecture, thoughts }) => {
  const { items } = readGolden(architecture, thoughts);
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(architecture);
  });

  const expectGolden = (
    answers: Awaited<ReturnType<typeof think>>,
    of: readonly GoldenItem[],
  ): void => {
    answers.forEach((answer, i) => {
      expect(answer.thoughts).toHaveLength(thoughts);
      expect(concatenate(answer.thoughts)).toBeAllclose(of[i]!.thoughts.flat(), tolerance);
      expect(concatenate(answer.logits)).toBeAllclose(of[i]!.logits.flat(), tolerance);
    });
  };

  it('each item alone', async () => {
    for (const item of items) expectGolden(await think(model, [item], thoughts), [item]);
  });

  it('all items as one ragged batch', async () => {
    expectGolden(await think(model, items, thoughts), items);
  });
});
