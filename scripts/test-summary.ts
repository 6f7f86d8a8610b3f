// Vitest's JSON report → one closing line; fails if a test failed or none ran.
//   npx tsx scripts/test-summary.ts out/test-report.json
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const reportSchema = z.object({
  success: z.boolean(),
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
});

export function summarize(report: unknown): { line: string; ok: boolean } {
  const { success, numPassedTests, numFailedTests, numPendingTests } = reportSchema.parse(report);
  const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
  return {
    line: `Tests: ${numPassedTests} passed, ${numFailedTests} failed${skipped}`,
    // A file that cannot even be loaded fails the run without a failed test in it.
    ok: success && numPassedTests > 0 && numFailedTests === 0,
  };
}

if (process.argv[1] === import.meta.filename) {
  const { line, ok } = summarize(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
  process.stdout.write(`${line}\n`);
  process.exitCode = ok ? 0 : 1;
}
