import { expect, test } from 'vitest';
import { parseMetrics, stageLabel } from '../../../src/training/report/run-metrics.ts';
import { trainPoint, validationPoint } from '../../support/run-metrics.ts';

test('train and validation lines are told apart, and other keys are let go', () => {
  const lines = [{ ...trainPoint(1), updates: 1 }, validationPoint(1, 0.5), trainPoint(2)];
  expect(parseMetrics(lines)).toEqual({
    train: [trainPoint(1), trainPoint(2)],
    validation: [validationPoint(1, 0.5)],
  });
});

test('a bad line is named by its number and keys', () => {
  const bad = { ...trainPoint(2), loss: 'high', stage: -1 };
  expect(() => parseMetrics([trainPoint(1), bad])).toThrow(/metrics line 2: .*stage.*loss/);
  expect(() => parseMetrics([{ trainStep: 1, kind: 'test' }])).toThrow(/metrics line 1: kind/);
});

test('walks are no stage of the curriculum', () => {
  expect(stageLabel({ task: 'walks', stage: 0 })).toBe('walks');
  expect(stageLabel({ task: 'questions', stage: 3 })).toBe('stage 3');
});
