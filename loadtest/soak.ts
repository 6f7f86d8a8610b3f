// npm run soak [-- --streams 500 --seconds 180 --requests 100000 --cancel 0.3 --model-dir models/prosqa-coconut]
// Starts a server of its own on a free port and keeps it busy; exits with 1 where a request was lost,
// one is left behind, memory grew, or one turn of the event loop computed for too long.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { machineNow } from './machine.ts';
import { startServer } from './server-process.ts';
import { soak } from './soak-run.ts';
import { complaints, soakText } from './soak-verdict.ts';

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '180' },
    requests: { type: 'string', default: '100000' },
    cancel: { type: 'string', default: '0.3' },
    seed: { type: 'string', default: '1' },
    'model-dir': { type: 'string', default: 'models/prosqa-coconut' },
  },
});

function number(
  name: 'streams' | 'seconds' | 'requests' | 'cancel' | 'seed',
  most: number,
): number {
  const value = Number(values[name]);
  if (value >= 0 && value <= most) return value;
  throw new Error(`--${name} must be from 0 to ${most}, got "${values[name]}"`);
}

async function main(): Promise<void> {
  const limits = {
    streams: number('streams', 5000),
    seconds: number('seconds', 3600),
    requests: number('requests', 1_000_000),
    cancelShare: number('cancel', 1),
    seed: number('seed', 2 ** 32),
  };
  const modelDir = values['model-dir'];
  const server = await startServer({
    MODEL_DIR: modelDir,
    SLOTS: '32',
    // Those that hung up may still stand in line when the next ones come.
    QUEUE_LIMIT: String(2 * limits.streams),
    QUEUE_TIMEOUT_SECONDS: '600',
    // V8 lets garbage stand up to a share of the machine's memory; only a bounded heap shows what is kept.
    NODE_OPTIONS: '--max-old-space-size=384',
  });
  try {
    const questions = JSON.parse(readFileSync('test/data/prosqa-sample.json', 'utf8'));
    const prompts = (questions as { question: string }[]).map(({ question }) => question);
    const target = {
      url: new URL(server.url),
      model: basename(modelDir),
      maxTokens: 64,
      thoughts: null,
      apiKey: null,
      timeoutMs: 600_000,
    };
    const report = await soak(target, prompts, limits);
    const found = complaints(report);
    process.stdout.write(
      `${JSON.stringify({ ...machineNow(), ...limits })}\n${soakText(report)}\n`,
    );
    for (const complaint of found) process.stderr.write(`${complaint}\n`);
    if (found.length > 0) process.exitCode = 1;
  } finally {
    await server.stop();
  }
}

main().catch((error: Error) => {
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  process.stderr.write(`soak: ${error.message}${cause}\n`);
  process.exitCode = 1;
});
