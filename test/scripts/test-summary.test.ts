import { expect, it } from 'vitest';
import { summarize } from '../../scripts/test-summary.ts';

const report = { success: true, numPassedTests: 3, numFailedTests: 0, numPendingTests: 0 };

it.each([
  [report, 'Tests: 3 passed, 0 failed', true],
  [{ ...report, numPendingTests: 2 }, 'Tests: 3 passed, 0 failed, 2 skipped', true],
  [{ ...report, success: false, numFailedTests: 1 }, 'Tests: 3 passed, 1 failed', false],
  [{ ...report, success: false }, 'Tests: 3 passed, 0 failed', false],
  [{ ...report, numPassedTests: 0 }, 'Tests: 0 passed, 0 failed', false],
])('%j', (input, line, ok) => {
  expect(summarize(input)).toEqual({ line, ok });
});
