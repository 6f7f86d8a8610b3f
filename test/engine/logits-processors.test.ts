import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkLogits,
  type LogitsState,
  logitsProcessors,
  processLogits,
} from '../../src/engine/logits-processors.ts';
import { greedySampling, type SamplingParams } from '../../src/engine/messages.ts';

type Given = Partial<SamplingParams> & Partial<Pick<LogitsState, 'counts' | 'barred' | 'mask'>>;

const stateOf = ({
  counts = new Map(),
  barred = [],
  mask = null,
  ...sampling
}: Given): LogitsState => ({
  sampling: { ...greedySampling, ...sampling },
  counts,
  barred,
  mask,
});
const processed = (logits: number[], given: Given) => [
  ...processLogits(Float32Array.from(logits), stateOf(given)),
];

const logitsOf4 = fc.float32Array({ minLength: 4, maxLength: 4, min: -20, max: 20, noNaN: true });

describe('each processor', () => {
  const counts = new Map([
    [1, 3],
    [3, 1],
  ]);

  it.each<[keyof typeof logitsProcessors, Given, number[]]>([
    ['repetition', { repetitionPenalty: 2, counts }, [1, 2, 3, -16]],
    ['grammar', { mask: Int32Array.of(0b0101) }, [1, -Infinity, 3, -Infinity]],
    ['presenceAndFrequency', { presencePenalty: 1, counts }, [1, 3, 3, -9]],
    ['presenceAndFrequency', { frequencyPenalty: 0.5, counts }, [1, 2.5, 3, -8.5]],
    [
      'bias',
      {
        logitBias: [
          [0, -100],
          [2, 5],
        ],
      },
      [-99, 4, 8, -8],
    ],
    ['barred', { barred: [2] }, [1, 4, Number.NEGATIVE_INFINITY, -8]],
  ])('%s with %j gives %j', (name, given, expected) => {
    expect(processed([1, 4, 3, -8], given)).toEqual(expected);
    const active = Object.entries(logitsProcessors).filter(([, { applies }]) =>
      applies(stateOf(given)),
    );
    expect(active.map(([key]) => key)).toEqual([name]);
  });

  it('is reached by one of the cases above', () => {
    expect(Object.keys(logitsProcessors)).toEqual([
      'repetition',
      'presenceAndFrequency',
      'bias',
      'barred',
      'grammar',
    ]);
  });
});

describe('processing', () => {
  it('leaves the model’s logits as they are', () => {
    fc.assert(
      fc.property(logitsOf4, fc.double({ min: -2, max: 2, noNaN: true }), (logits, penalty) => {
        const before = [...logits];
        const state = stateOf({ presencePenalty: penalty, counts: new Map([[0, 1]]), barred: [1] });
        processLogits(logits, state);
        expect([...logits]).toEqual(before);
      }),
    );
  });

  it('costs nothing where nothing was asked: the same array', () => {
    const logits = Float32Array.of(1, 2);
    expect(processLogits(logits, stateOf({ counts: new Map([[0, 5]]) }))).toBe(logits);
    expect(processLogits(logits, stateOf({ repetitionPenalty: 3, frequencyPenalty: 2 }))).toBe(
      logits,
    );
  });

  it('makes what came no likelier by a positive penalty, and no other id less likely', () => {
    const penalties = fc.record({
      presencePenalty: fc.double({ min: 0, max: 2, noNaN: true }),
      frequencyPenalty: fc.double({ min: 0, max: 2, noNaN: true }),
      repetitionPenalty: fc.double({ min: 1, max: 3, noNaN: true }),
    });
    fc.assert(
      fc.property(logitsOf4, penalties, fc.integer({ min: 1, max: 9 }), (logits, given, count) => {
        const after = processLogits(logits, stateOf({ ...given, counts: new Map([[2, count]]) }));
        expect(after[2]).toBeLessThanOrEqual(logits[2]!);
        for (const id of [0, 1, 3]) expect(after[id]).toBe(logits[id]);
      }),
    );
  });

  it('lets no bias bring back a barred id', () => {
    expect(processed([1, 2], { logitBias: [[0, 100]], barred: [0] })[0]).toBe(
      Number.NEGATIVE_INFINITY,
    );
  });
});

describe('logits that are not finite', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'are refused: %s',
    (bad) => {
      const logits = Float32Array.of(0, 1, bad);
      expect(() => checkLogits(logits)).toThrow(`the logit of token 2 of 3 is ${bad}`);
    },
  );
});
