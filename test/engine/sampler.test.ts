import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleToken } from '../../src/engine/sampler.ts';
import { Random } from '../../src/random.ts';

const params = (temperature: number, topP = 1, cuts: { topK?: number; minP?: number } = {}) => ({
  temperature,
  topP,
  topK: 0,
  minP: 0,
  ...cuts,
});
/** Logits whose softmax at temperature 1 is `shares`. */
const logitsOf = (...shares: number[]) => Float32Array.from(shares, Math.log);

function frequencies(
  logits: Float32Array,
  temperature: number,
  topP: number,
  cuts: { topK?: number; minP?: number } = {},
): number[] {
  const random = new Random(1);
  const draws = 20_000;
  const counts = Array.from(logits, () => 0);
  for (let i = 0; i < draws; i++) {
    const id = sampleToken(logits, params(temperature, topP, cuts), random);
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts.map((count) => count / draws);
}

function expectNear(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  // Four standard deviations of a share of 20,000 draws are at most 0.0142.
  actual.forEach((share, i) => {
    expect(Math.abs(share - (expected[i] ?? 0))).toBeLessThan(0.0145);
    if (expected[i] === 0) expect(share).toBe(0);
  });
}

describe('temperature 0', () => {
  it('takes the likeliest id, the lowest of equals, and draws nothing', () => {
    const random = new Random(3);
    expect(sampleToken(Float32Array.of(1, 7, 3, 7), params(0, 0.1), random)).toBe(1);
    expect(sampleToken(Float32Array.of(-2, -2), params(0), random)).toBe(0);
    expect(random.uniform()).toBe(new Random(3).uniform());
  });
});

describe('sampling', () => {
  it('draws by the softmax of the logits', () => {
    expectNear(frequencies(logitsOf(0.1, 0.6, 0.3), 1, 1), [0.1, 0.6, 0.3]);
  });

  it('flattens or sharpens by the temperature', () => {
    const powered = [0.1, 0.6, 0.3].map((p) => p ** 2);
    const total = powered.reduce((a, b) => a + b);
    expectNear(
      frequencies(logitsOf(0.1, 0.6, 0.3), 0.5, 1),
      powered.map((p) => p / total),
    );
  });

  it('keeps the smallest set that reaches topP, the id that crosses it included', () => {
    expectNear(frequencies(logitsOf(0.1, 0.5, 0.15, 0.25), 1, 0.6), [0, 2 / 3, 0, 1 / 3]);
    expectNear(frequencies(logitsOf(0.1, 0.5, 0.15, 0.25), 1, 0.4), [0, 1, 0, 0]);
  });

  it('leaves out the higher of equal ids', () => {
    expectNear(frequencies(logitsOf(0.2, 0.2, 0.2, 0.2, 0.2), 1, 0.55), [
      1 / 3,
      1 / 3,
      1 / 3,
      0,
      0,
    ]);
  });

  it('repeats with the seed', () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      const logits = Float32Array.from({ length: 50 }, (_, i) => Math.sin(i));
      return Array.from({ length: 20 }, () => sampleToken(logits, params(1, 0.9), random));
    };
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
  });

  it('never leaves the nucleus, however logits and parameters fall', () => {
    fc.assert(
      fc.property(
        fc.float32Array({ minLength: 1, maxLength: 30, min: -50, max: 50, noNaN: true }),
        fc.double({ min: 0.05, max: 3, noNaN: true }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (logits, temperature, topP) => {
          const id = sampleToken(logits, params(temperature, topP), new Random(9));
          const weights = Array.from(logits, (logit) =>
            Math.exp((logit - Math.max(...logits)) / temperature),
          );
          const total = weights.reduce((a, b) => a + b);
          // Weights that differ in the last bit may be equal probabilities after division.
          const bound = (weights[id] ?? 0) * (1 + 1e-12);
          const likelier = weights.filter((weight) => weight > bound);
          const mass = likelier.reduce((a, b) => a + b, 0) / total;
          expect(mass).toBeLessThan(topP + 1e-9);
        },
      ),
    );
  });
});

describe('the other cuts', () => {
  const shares = logitsOf(0.1, 0.5, 0.15, 0.25);

  it('top-k keeps the k likeliest', () => {
    expectNear(frequencies(shares, 1, 1, { topK: 2 }), [0, 2 / 3, 0, 1 / 3]);
    expectNear(frequencies(shares, 1, 1, { topK: 1 }), [0, 1, 0, 0]);
    expectNear(frequencies(shares, 1, 1, { topK: 9 }), [0.1, 0.5, 0.15, 0.25]);
  });

  it('min-p keeps what has that share of the highest', () => {
    expectNear(frequencies(shares, 1, 1, { minP: 0.29 }), [0, 5 / 9, 1.5 / 9, 2.5 / 9]);
    expectNear(frequencies(shares, 1, 1, { minP: 1 }), [0, 1, 0, 0]);
  });

  it('the nucleus is a share of what they left', () => {
    // Of 0.5 and 0.25, the first alone has two thirds.
    expectNear(frequencies(shares, 1, 0.66, { topK: 2 }), [0, 1, 0, 0]);
    expectNear(frequencies(shares, 1, 0.67, { topK: 2 }), [0, 2 / 3, 0, 1 / 3]);
  });

  it('never let anything out, however logits and parameters fall', () => {
    fc.assert(
      fc.property(
        // Whole numbers: logits apart by less than rounding may be equal probabilities.
        fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 30 }),
        fc.record({
          topK: fc.nat(40),
          minP: fc.double({ min: 0, max: 1, noNaN: true }),
          topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
          seed: fc.nat(),
        }),
        (values, { topK, minP, topP, seed }) => {
          const logits = Float32Array.from(values);
          const id = sampleToken(logits, params(1, topP, { topK, minP }), new Random(seed));
          const chosen = logits[id]!;
          const likelier = logits.filter((logit) => logit > chosen).length;
          expect(likelier).toBeLessThan(topK === 0 ? logits.length : topK);
          const share = Math.exp(chosen - Math.max(...logits));
          expect(share).toBeGreaterThanOrEqual(minP * (1 - 1e-9));
        },
      ),
    );
  });
});

describe('ids that must not come', () => {
  it('never do, and there must be another', () => {
    const barred = Float32Array.of(Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY);
    fc.assert(
      fc.property(fc.nat(), fc.nat(3), (seed, topK) => {
        expect(sampleToken(barred, params(1, 0.9, { topK }), new Random(seed))).toBe(1);
      }),
    );
    const none = new Float32Array(3).fill(Number.NEGATIVE_INFINITY);
    expect(() => sampleToken(none, params(0), new Random(0))).toThrow('none of the 3 tokens');
  });
});
