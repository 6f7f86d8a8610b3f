// The k6 script as CI runs it, against the real app with a scripted engine.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runK6 } from '../../loadtest/k6-standin.ts';
import { type HttpServer, listen } from '../../src/http-server.ts';
import { FakeEngine, fakeApp, queueFull } from '../support/fake-engine.ts';
import { longModel } from '../support/long-model.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const engine = new FakeEngine({ text: 'Tom is a cat.' });
const script = 'loadtest/k6/chat.ts';
const anywhere = { host: '127.0.0.1', port: 0 };
let server: HttpServer;
/** Never answers. */
let slow: HttpServer;

beforeAll(async () => {
  const { app } = fakeApp([longModel(engine)], { bodyLimitBytes: 65_536 });
  server = await listen(app, anywhere);
  slow = await listen(fakeApp([longModel(new FakeEngine({ hang: true }))]).app, anywhere);
});

afterAll(() => {
  server.destroy();
  slow.destroy();
});

const environment = (extra: Record<string, string> = {}) => ({
  TARGET: server.url,
  MODEL: 'fake/coconut',
  RATE: '20',
  DURATION: '1s',
  ...extra,
});

describe('loadtest/k6/chat.ts', () => {
  it('sends at the steady rate and counts thoughts and answer tokens', async () => {
    const { passed, metrics, outputs } = await runK6(script, environment());
    expect(metrics['iterations']?.values['count']).toBe(20);
    expect(metrics['http_req_failed']?.values['rate']).toBe(0);
    expect(metrics['latent_thoughts']?.values['count']).toBe(20 * 6);
    expect(metrics['answer_tokens']?.values['count']).toBe(20 * 'Tom is a cat.'.length);
    expect(metrics['thoughts_per_answer']?.values['p(99)']).toBe(6);
    expect(metrics['latent_time']?.values['med']).toBe(3);
    expect(passed).toBe(true);
    expect(JSON.parse(outputs['stdout'] ?? '')).toEqual({ metrics });
  });

  it('crosses its thresholds when the server refuses', async () => {
    engine.refusal = queueFull;
    const { passed, metrics } = await runK6(script, environment({ DURATION: '500ms' }));
    engine.refusal = null;
    expect(passed).toBe(false);
    expect(metrics['http_req_failed']?.thresholds).toEqual({ 'rate<0.01': { ok: false } });
    expect(metrics['answer_tokens']?.thresholds).toEqual({ 'count>0': { ok: false } });
    expect(metrics['goodput']?.values['rate']).toBe(0);
  });

  it('crosses its thresholds when nothing listens', async () => {
    const nowhere = environment({ TARGET: 'http://127.0.0.1:1', DURATION: '200ms' });
    const { passed, metrics } = await runK6(script, nowhere);
    expect(passed).toBe(false);
    expect(metrics['http_req_failed']?.values).toEqual({ rate: 1, passes: 4, fails: 0 });
  });
});

describe('the stand-in', () => {
  const runText = (text: string) => {
    const path = join(temporaryDirectory(), 'script.ts');
    writeFileSync(path, text);
    return runK6(path, {});
  };
  const steady = (vus: number) =>
    `export const options = { scenarios: { s: { executor: 'constant-arrival-rate', rate: 10,
      duration: '500ms', preAllocatedVUs: ${vus} } } };`;

  it('drops iterations that find no free VU', async () => {
    const { metrics } = await runText(`import http from 'k6/http'; ${steady(1)}
      const params = { headers: { 'content-type': 'application/json' }, timeout: '600ms' };
      const body = '{"model": "fake/coconut", "messages": [{"role": "user", "content": "?"}]}';
      const url = '${slow.url}/v1/chat/completions';
      export default () => http.asyncRequest('POST', url, body, params);
    `);
    expect(metrics['iterations']?.values['count']).toBe(1);
    expect(metrics['dropped_iterations']?.values['count']).toBe(4);
    expect(metrics['http_req_failed']?.values['rate']).toBe(1);
  });

  it.each([
    ['process.exit(3)', 'process is not defined'],
    ['throw new Error("from the script")', 'from the script'],
  ])('a script that says %s fails the run', async (body, message) => {
    await expect(runText(`${steady(4)} export default () => { ${body} };`)).rejects.toThrow(
      message,
    );
  });

  it.each([
    [`import ws from 'k6/ws'; ws.connect();`, 'does not have'],
    [`import fs from 'node:fs'; fs.readFileSync('/etc/passwd');`, 'node:fs'],
  ])('does not have what k6 has not, or what it does not know: %s', async (text, message) => {
    await expect(runText(`${text} ${steady(1)} export default () => {};`)).rejects.toThrow(message);
  });
});
