import { describe, expect, it } from 'vitest';
import { Random } from '../src/random.ts';

const draws = (random: Random, count: number) =>
  Array.from({ length: count }, () => random.uniform());
const mean = (values: number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
const variance = (values: number[]) => mean(values.map((v) => v * v)) - mean(values) ** 2;

describe('Random', () => {
  it('keeps its stream for a seed: runs must stay reproducible across releases', () => {
    // From an independent transcription of PractRand's sfc32, seeded and warmed up alike.
    const random = new Random(42);
    expect([random.int(1000), random.int(1000), random.int(1000)]).toEqual([294, 453, 912]);
    const words = draws(random, 3).map((value) => value * 2 ** 32);
    expect(words).toEqual([1251167922, 656401615, 478193053]);
  });

  it('differs between seeds, also in the high bits of the seed', () => {
    const first = [1, 2, 1 + 2 ** 32].map((seed) => new Random(seed).uniform());
    expect(new Set(first).size).toBe(3);
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN])('refuses seed %s', (seed) => {
    expect(() => new Random(seed)).toThrow(`got ${seed}`);
  });

  it('is uniform in [0, 1) and uncorrelated from draw to draw', () => {
    const values = draws(new Random(1), 50_000);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    expect(mean(values)).toBeCloseTo(0.5, 2);
    expect(variance(values)).toBeCloseTo(1 / 12, 2);
    const products = values.slice(1).map((value, i) => (value - 0.5) * (values[i]! - 0.5));
    expect(Math.abs(mean(products))).toBeLessThan(0.002);
  });

  it('draws integers evenly', () => {
    const random = new Random(2);
    const counts = [0, 0, 0, 0, 0];
    for (let i = 0; i < 50_000; i++) counts[random.int(5)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  it('has the mean and variance of a Poisson and of a standard normal', () => {
    const random = new Random(3);
    const poisson = Array.from({ length: 40_000 }, () => random.poisson(1.5));
    expect(mean(poisson)).toBeCloseTo(1.5, 1);
    expect(variance(poisson)).toBeCloseTo(1.5, 1);
    const normal = Array.from({ length: 40_000 }, () => random.normal());
    expect(mean(normal)).toBeCloseTo(0, 1);
    expect(variance(normal)).toBeCloseTo(1, 1);
  });

  it('draws indices by weight and never one of weight 0', () => {
    const random = new Random(4);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 40_000; i++) counts[random.weightedIndex([0, 1, 3, 0])]!++;
    expect(counts[0]! + counts[3]!).toBe(0);
    expect(counts[2]! / counts[1]!).toBeCloseTo(3, 0);
    expect(() => random.weightedIndex([0, 0])).toThrow('positive sum, got 0');
  });

  it('shuffles in place, reaching every order about equally often', () => {
    const random = new Random(5);
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i++) {
      const list = ['a', 'b', 'c'];
      expect(random.shuffle(list)).toBe(list);
      counts.set(list.join(''), (counts.get(list.join('')) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });

  it('refuses to pick from an empty list', () => {
    expect(() => new Random(6).pick([])).toThrow('empty list');
  });
});
