// The named sets are what their names say, and a reader accepts them.
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/random.ts';
import type { ProsqaItem } from '../../../src/training/datasets/prosqa.ts';
import { PROSQA_SIZES, ProsqaGenerator } from '../../../src/training/datasets/prosqa-generator.ts';
import { drawProsqaSet } from '../../../src/training/datasets/prosqa-sets.ts';
import { prosqaStatistics } from '../../../src/training/datasets/prosqa-statistics.ts';

const draw = (name: Parameters<typeof drawProsqaSet>[0], count = 60): ProsqaItem[] =>
  drawProsqaSet(name, new Random(3), count);
const generator = new ProsqaGenerator(new Random(3), { ...PROSQA_SIZES, excluded: new Set() });
const usual = prosqaStatistics(Array.from({ length: 300 }, () => generator.next()));

describe('named sets', () => {
  it.each([7, 8] as const)('%i-hop: every chain has that many steps', (hops) => {
    const items = draw(`${hops}-hop`, 20);
    expect(items.map(({ example }) => example.steps.length)).toEqual(items.map(() => hops));
  });

  it('dense: clearly more edges a node', () => {
    const { nodes, edges } = prosqaStatistics(draw('dense'));
    expect(edges / nodes).toBeGreaterThan(1.3 * (usual.edges / usual.nodes));
  });

  it('dag: bushier, so that more lies within one hop of the root', () => {
    const items = draw('dag');
    expect(items).toHaveLength(60);
    expect(prosqaStatistics(items)['root out-degree']).toBeGreaterThan(usual['root out-degree']);
  });

  it('balanced: each shortcut is right half of the time', () => {
    const statistics = prosqaStatistics(draw('balanced'));
    expect(statistics['shortcut "lower in-degree" right (%)']).toBe(50);
    expect(statistics['shortcut "more ancestors" right (%)']).toBe(50);
  });
});
