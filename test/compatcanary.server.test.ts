// An independent scanner of OpenAI-style servers against this one, with a bundled checkpoint.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { realApp } from './support/real-app.ts';

const root = join(import.meta.dirname, '..');
const canary = join(root, 'node_modules/.bin/compatcanary');

it('finds all that is promised; calling tools is not', async () => {
  const app = await realApp(join(root, 'models/prosqa-coconut'));
  try {
    const at = ['--base-url', `${app.server.url}/v1`, '--model', app.model];
    const options = ['--format', 'json', '--fail-on', 'never', '--timeout', '60'];
    const { stdout } = await promisify(execFile)(canary, ['scan', ...at, ...options]);
    const { results } = JSON.parse(stdout) as { results: { id: string; status: string }[] };
    expect(Object.fromEntries(results.map(({ id, status }) => [id, status]))).toEqual({
      'models.list': 'pass',
      'chat.basic': 'pass',
      'chat.streaming': 'pass',
      'chat.tool_call': 'fail',
      'chat.structured_output': 'pass',
      'responses.basic': 'pass',
      'responses.streaming': 'pass',
    });
  } finally {
    await app.stop();
  }
});
