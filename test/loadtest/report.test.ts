import { expect, it } from 'vitest';
import type { Answered, Outcome } from '../../loadtest/chat-client.ts';
import { reportPoint, tableText } from '../../loadtest/report.ts';

const answer = (firstTextMs: number, lastTextMs: number, textTokens: number): Answered => ({
  kind: 'answered',
  firstTextMs,
  lastTextMs,
  totalMs: lastTextMs + 1,
  thoughts: 6,
  textTokens,
  latentMs: 5,
});
const timeout: Outcome = { kind: 'failed', totalMs: 60_000, error: 'timeout' };
const result = (outcomes: Outcome[]) => ({ outcomes, seconds: 2, dropped: 1, latestSendMs: 0 });

it('counts only answers as work, and times a token from the first to the last', () => {
  const report = reportPoint(
    { kind: 'closed', concurrency: 2 },
    result([answer(10, 50, 11), answer(20, 20, 1), timeout, timeout]),
  );
  expect(report).toMatchObject({
    answered: 2,
    errors: { timeout: 2 },
    requestsPerSecond: 1,
    textTokensPerSecond: 6,
    thoughtsPerSecond: 6,
    thoughtsPerAnswer: 6,
    timeToFirstTokenMs: { p50: 15, p90: 19, p99: 19.9 },
    timePerOutputTokenMs: { p50: 4, p90: 4, p99: 4 },
  });
});

it('a point without answers has no times', () => {
  const report = reportPoint({ kind: 'open', requestsPerSecond: 3 }, result([timeout]));
  expect(report.timeToFirstTokenMs).toBeNull();
  expect(report.thoughtsPerAnswer).toBe(0);
});

it('prints a table', () => {
  const closed = reportPoint({ kind: 'closed', concurrency: 4 }, result([answer(10, 50, 11)]));
  const open = reportPoint({ kind: 'open', requestsPerSecond: 1.25 }, result([timeout]));
  const [head, first, second] = tableText([closed, open]).split('\n');
  expect([head, first, second]).toMatchInlineSnapshot(`
    [
      "     load  ok  failed  req/s  text tok/s  thoughts/s  thoughts             TTFT ms        latent ms          TPOT ms            total ms",
      "4 at once   1       1    0.5           6           3       6.0  10.0 / 10.0 / 10.0  5.0 / 5.0 / 5.0  4.0 / 4.0 / 4.0  51.0 / 51.0 / 51.0",
      "    1.3/s   0       2    0.0           0           0       0.0                   -                -                -                   -",
    ]
  `);
});
