// Requests that no well-behaved client would send, written to a real socket byte by byte.
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpServer, listen } from '../src/http-server.ts';
import { ask, FakeEngine, fakeApp, fakeModel } from './support/fake-engine.ts';

const engine = new FakeEngine({ text: 'Yes.' });
let locked: HttpServer;
let open: HttpServer;

beforeAll(async () => {
  const models = [fakeModel(engine)];
  const anywhere = { host: '127.0.0.1', port: 0 };
  locked = await listen(fakeApp(models, { apiKeys: ['key'] }).app, anywhere);
  open = await listen(fakeApp(models).app, anywhere);
});

afterAll(() => {
  locked.destroy();
  open.destroy();
});

/** The status and body that come back before the server closes the connection. */
function send(
  server: HttpServer,
  lines: string[],
  body = '',
): Promise<{ status: number; text: string }> {
  const bytes = `${[...lines, 'Connection: close', '', ''].join('\r\n')}${body}`;
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () =>
      socket.write(bytes),
    );
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve({ status: Number(text.split(' ')[1]), text }));
  });
}

describe('keys cannot be spelled around', () => {
  it.each([
    [['GET /v1/models HTTP/1.1', 'Host: localhost/healthz?']],
    [['GET /v1/models HTTP/1.1', 'Host: localhost/healthz#']],
    [['GET /v1/models HTTP/1.1', 'Host: x@localhost']],
    [['GET http://localhost/healthz/../v1/models HTTP/1.1', 'Host: localhost']],
    [['GET http://localhost/v1/models HTTP/1.1', 'Host: localhost/healthz']],
    [['GET /healthz/../v1/models HTTP/1.1', 'Host: localhost']],
    [['GET /healthz/%2e%2e/v1/models HTTP/1.1', 'Host: localhost']],
    [['GET //v1/models HTTP/1.1', 'Host: localhost']],
    [['GET /v1/%6dodels HTTP/1.1', 'Host: localhost']],
    [['GET /v1/models. HTTP/1.1', 'Host: localhost']],
    [['GET /healthz;/v1/models HTTP/1.1', 'Host: localhost']],
    [['GET /V1/MODELS HTTP/1.1', 'Host: localhost']],
  ])('%j', async (lines) => {
    const { status, text } = await send(locked, lines);
    expect([400, 401]).toContain(status);
    expect(text).not.toContain('fake/coconut');
    expect(text).toContain('"error":{');
    for (const name of ['x-request-id: req_', 'openai-version: 2020', 'openai-processing-ms: ']) {
      expect(text.toLowerCase()).toContain(`\r\n${name}`);
    }
  });
});

describe('bodies', () => {
  const head = (extra: string[]) => [
    'POST /v1/chat/completions HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    ...extra,
  ];
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

  it('in chunks are read up to the limit', async () => {
    const text = JSON.stringify(ask());
    const body = `${chunk(text.slice(0, 20))}${chunk(text.slice(20))}0\r\n\r\n`;
    expect((await send(open, head(['Transfer-Encoding: chunked']), body)).status).toBe(200);
  });

  it('in endless chunks are refused without an answer being made', async () => {
    const before = engine.requests.length;
    const body = chunk('x'.repeat(1000)).repeat(20);
    const { status, text } = await send(open, head(['Transfer-Encoding: chunked']), body);
    expect(status).toBe(413);
    expect(text).toContain('payload_too_large');
    expect(engine.requests.length).toBe(before);
  });

  it('that declare two lengths are refused', async () => {
    const lines = head(['Content-Length: 5', 'Transfer-Encoding: chunked']);
    expect((await send(open, lines, '0\r\n\r\n')).status).toBe(400);
  });
});

describe('a page whose name was rebound to this machine', () => {
  it('is refused', async () => {
    const { status } = await send(open, ['GET /v1/models HTTP/1.1', 'Host: evil.test']);
    expect(status).toBe(403);
  });
});
