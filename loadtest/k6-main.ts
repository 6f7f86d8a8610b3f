// `npm run loadtest:k6 [script]`: a k6 script under the stand-in, with the environment as its __ENV.
// Exits with 99, as k6 does, when a threshold is crossed.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runK6 } from './k6-standin.ts';
import { requireLoopback } from './loopback.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'yes-i-own-this-target': { type: 'boolean', default: false } },
});
const { TARGET = 'http://127.0.0.1:8080', ...rest } = process.env as Record<string, string>;
if (!values['yes-i-own-this-target']) await requireLoopback(new URL(TARGET));

const script = positionals[0] ?? 'loadtest/k6/chat.ts';
const { passed, metrics, outputs } = await runK6(script, { ...rest, TARGET });
for (const [destination, text] of Object.entries(outputs)) {
  if (destination === 'stdout') process.stdout.write(text);
  else if (destination === 'stderr') process.stderr.write(text);
  else writeFileSync(destination, text);
}
for (const [name, { values: found, thresholds }] of Object.entries(metrics)) {
  for (const [threshold, { ok }] of Object.entries(thresholds)) {
    process.stderr.write(
      `${ok ? 'held' : 'CROSSED'}: ${name} ${threshold}, ${JSON.stringify(found)}\n`,
    );
  }
}
process.exitCode = passed ? 0 : 99;
