// The ways to end the thinking, through a real engine on an untrained checkpoint.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Example } from '../../src/training/datasets/example.ts';
import { withEngine } from '../../src/training/evaluate-command.ts';
import { stoppingCurve, stoppingTable } from '../../src/training/evaluate-stopping.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type TinyMethod, writeTinyCheckpoint } from '../support/tiny-model.ts';

const items: Example[] = [1, 2].map((steps) => ({
  question: `Is Tom ${steps}?`,
  steps: Array<string>(steps).fill('Tom is.'),
  answer: 'Yes.',
}));

function curveOf(method: TinyMethod) {
  const dir = join(temporaryDirectory(), method);
  writeTinyCheckpoint(dir, { seed: 1, method });
  return withEngine(dir, { threads: 1, weights: 'fp32' }, (engine, checkpoint) =>
    stoppingCurve(engine, checkpoint, items, ({ steps }) => steps.length === 1),
  );
}

it('each number of thoughts, then convergence, never beyond the most', async () => {
  const points = await curveOf('coconut');
  const fixed = points.filter(({ rule }) => rule.startsWith('fixed'));
  expect(fixed.map(({ meanThoughts }) => meanThoughts)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(fixed.map(({ ownNumber }) => ownNumber)).toEqual([0, 0.5, 0.5, 0, 0, 0, 0]);
  const rest = points.slice(fixed.length);
  expect(rest.map(({ rule }) => rule)).toEqual(
    [0.8, 0.9, 0.95, 0.99].map((c) => `convergence ${c}`),
  );
  for (const { meanThoughts } of rest) expect(meanThoughts).toBeLessThanOrEqual(6);
  expect(points.every(({ accuracy }) => accuracy === 0.5)).toBe(true);
  expect(stoppingTable(points)).toContain('fixed 2                50.0%      2.00   50.0%');
});

it('is refused for a method without thoughts', async () => {
  await expect(curveOf('cot')).rejects.toThrow('its method cot has no thoughts to stop');
});
