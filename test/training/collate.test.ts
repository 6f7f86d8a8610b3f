// Where every token, position, mask and label weight of a batch lands, and which batches are refused.
import { describe, expect, it } from 'vitest';
import { MASKED } from '../../src/model/attention.ts';
import { type Buckets, collate, roundUp, type TrainBatch } from '../../src/training/collate.ts';
import type { StagedExample } from '../../src/training/curriculum.ts';

const exact: Buckets = { context: 1, question: 1, tail: 1 };
const staged = (
  questionIds: number[],
  tailIds: number[],
  thoughts = 0,
  unlabelled = 0,
  written = 0,
): StagedExample => ({ questionIds, written, tailIds, thoughts, unlabelled });

/** A feed as nested rows of numbers. */
function rowsOf({ feeds }: TrainBatch, name: string): number[][] {
  const { data, dims } = feeds[name]!;
  const width = data.length / dims[0]!;
  return Array.from({ length: dims[0]! }, (_, b) =>
    Array.from(data.slice(b * width, (b + 1) * width), Number),
  );
}

describe('rows that write before they think', () => {
  const rows = [
    staged([11, 12, 13, 14], [21, 22], 2, 1, 3),
    staged([15, 16, 17], [21, 24, 25, 26], 1, 1, 2),
  ];
  const batch = collate([{ contextIds: [], examples: rows }], exact);

  it('have as many label columns more as the most writes, and end what they write in one', () => {
    expect(batch.shape).toMatchObject({ questionLength: 4, writtenLength: 3, tailLength: 4 });
    expect([...batch.labelIds]).toEqual([12, 13, 14, 22, 0, 0, 0, 16, 17, 24, 25, 26]);
    expect([...batch.labelMask]).toEqual([1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1]);
    const sum = rowsOf(batch, 'label_weights').flat();
    expect(sum.filter((weight) => weight > 0)).toEqual(Array(9).fill(Math.fround(1 / 9)));
  });

  it('keep a column of the question before the first label, however the lengths are rounded', () => {
    const rounded = collate([{ contextIds: [], examples: rows }], { ...exact, tail: 8 });
    expect(rounded.shape).toMatchObject({ questionLength: 4, writtenLength: 3 });
  });
});

describe('rows that carry their whole text', () => {
  const rows = [staged([11, 12, 13], [21, 22], 2, 1), staged([14], [23, 24, 25, 26], 2, 1)];
  const batch = collate([{ contextIds: [], examples: rows }], exact);

  it('has the shape of its longest rows and no context', () => {
    expect(batch.shape).toEqual({
      contexts: 0,
      contextLength: 0,
      rows: 2,
      questionLength: 3,
      writtenLength: 0,
      thoughts: 2,
      tailLength: 4,
      unlabelled: 1,
      objectives: [],
      teacherLength: 0,
      decoder: null,
      dropout: 0,
    });
    expect(Object.keys(batch.feeds).filter((name) => name.startsWith('context'))).toEqual([]);
  });

  it('pads questions on the left, so that all rows start thinking at one column', () => {
    expect(rowsOf(batch, 'question_ids')).toEqual([
      [11, 12, 13],
      [0, 0, 14],
    ]);
    expect(rowsOf(batch, 'question_position_ids')).toEqual([
      [0, 1, 2],
      [0, 0, 0],
    ]);
    const hidden = Math.fround(MASKED);
    expect(rowsOf(batch, 'question_bias')).toEqual([
      [0, 0, 0],
      [hidden, hidden, 0],
    ]);
  });

  it('leaves out positions before the tail where a row asks for it', () => {
    const gap = { ...rows[0]!, skippedPositions: 4 };
    const kept = collate([{ contextIds: [], examples: [gap, rows[1]!] }], exact);
    expect(rowsOf(kept, 'tail_position_ids')).toEqual([
      [9, 10, 10, 10],
      [3, 4, 5, 6],
    ]);
    expect(rowsOf(kept, 'thought_position_ids')).toEqual(rowsOf(batch, 'thought_position_ids'));
  });

  it('counts positions on through thoughts and tail; padded ones repeat the last', () => {
    expect(rowsOf(batch, 'thought_position_ids')).toEqual([
      [3, 4],
      [1, 2],
    ]);
    expect(rowsOf(batch, 'tail_ids')).toEqual([
      [21, 22, 0, 0],
      [23, 24, 25, 26],
    ]);
    expect(rowsOf(batch, 'tail_position_ids')).toEqual([
      [5, 6, 6, 6],
      [3, 4, 5, 6],
    ]);
    const hidden = Math.fround(MASKED);
    expect(rowsOf(batch, 'tail_bias')).toEqual([
      [0, 0, hidden, hidden],
      [0, 0, 0, 0],
    ]);
  });

  it('weighs every label alike, whichever row it is in; <eot> and padding weigh nothing', () => {
    expect([...batch.labelMask]).toEqual([1, 0, 0, 1, 1, 1]);
    expect(batch.feeds['label_weights']!.dims).toEqual([2, 3, 1]);
    expect(rowsOf(batch, 'label_weights')).toEqual([
      [0.25, 0, 0],
      [0.25, 0.25, 0.25],
    ]);
  });

  it('rounds lengths up to the buckets', () => {
    const { shape } = collate([{ contextIds: [], examples: rows }], {
      context: 32,
      question: 2,
      tail: 8,
    });
    expect([shape.contextLength, shape.questionLength, shape.tailLength]).toEqual([0, 4, 8]);
  });

  it.each([
    [0, 0],
    [1, 128],
    [127, 128],
    [128, 128],
    [129, 256],
    [256, 256],
    [257, 512],
    [1024, 1024],
  ])('rounds %i up to %i where 128 is doubled', (length, rounded) => {
    expect(roundUp(length, { doubledFrom: 128 })).toBe(rounded);
  });

  it.each([
    [0, 0],
    [1, 1],
    [7, 7],
    [9, 10],
    [10, 10],
    [17, 20],
    [33, 40],
    [64, 64],
    [65, 80],
    [129, 144],
  ])('rounds %i up to %i by a quarter at most, and by less than 16', (length, rounded) => {
    expect(roundUp(length, { quartersUpTo: 16 })).toBe(rounded);
  });
});

describe('groups that share a context', () => {
  const batch = collate(
    [
      { contextIds: [1, 2, 3], examples: [staged([11], [21]), staged([12, 13], [22])] },
      { contextIds: [4], examples: [staged([14], [23]), staged([15], [24])] },
    ],
    exact,
  );

  it('encodes each context once, padded on the right', () => {
    expect(batch.shape).toMatchObject({ contexts: 2, contextLength: 3, rows: 4 });
    expect(rowsOf(batch, 'context_ids')).toEqual([
      [1, 2, 3],
      [4, 0, 0],
    ]);
    expect(rowsOf(batch, 'context_position_ids')).toEqual([
      [0, 1, 2],
      [0, 0, 0],
    ]);
  });

  it("counts each row's positions on from its own context's length", () => {
    expect(rowsOf(batch, 'question_position_ids')).toEqual([
      [0, 3],
      [3, 4],
      [0, 1],
      [0, 1],
    ]);
    expect(rowsOf(batch, 'tail_position_ids')).toEqual([[4], [5], [2], [2]]);
  });
});

it('label weights of ragged rows sum to 1', () => {
  const examples = [3, 7, 5].map((length) => staged([1], Array<number>(length).fill(2), 0, 1));
  const weights = collate([{ contextIds: [], examples }], exact).feeds['label_weights']!;
  const sum = (weights.data as Float32Array).reduce((total, weight) => total + weight, 0);
  expect(sum).toBeCloseTo(1, 6);
});

it('rows with fewer thoughts ride along: their columns are masked, their tails begin earlier', () => {
  const examples = [staged([1, 1], [2, 3], 1, 1), staged([1], [2, 3], 3, 1)];
  const batch = collate([{ contextIds: [], examples }], exact);
  expect([batch.shape.thoughts, batch.thoughtCounts]).toEqual([3, [1, 3]]);
  const hidden = Math.fround(MASKED);
  expect(rowsOf(batch, 'thought_bias')).toEqual([
    [0, hidden, hidden],
    [0, 0, 0],
  ]);
  expect(rowsOf(batch, 'thought_position_ids')).toEqual([
    [2, 3, 3],
    [1, 2, 3],
  ]);
  expect(rowsOf(batch, 'tail_position_ids')).toEqual([
    [3, 4],
    [4, 5],
  ]);
});

describe('refuses', () => {
  const collateAll = (...groups: StagedExample[][]) =>
    collate(
      groups.map((examples) => ({ contextIds: [], examples })),
      exact,
    );

  it('rows with and without markers', () => {
    const mixed = () => collateAll([staged([1], [2], 0, 1)], [staged([1], [2], 0, 0)]);
    expect(mixed).toThrow('collate: row 1 has 0 unlabelled, row 0 has 1');
  });

  it('groups of different sizes', () => {
    const uneven = () => collateAll([staged([1], [2])], [staged([1], [2]), staged([1], [2])]);
    expect(uneven).toThrow('collate: group 1 has 2 rows, group 0 has 1');
  });
});
