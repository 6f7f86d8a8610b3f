// Bodies and heads that never end, unfold, or dribble, on every route that takes a body: each is cut
// off at its limit, counted on what was read, and reaches no handler.
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { listen } from '../../src/http-server.ts';
import { apiRoutes } from '../../src/routes/route-table.ts';
import { ask, errorOf, FakeEngine, fakeApp, fakeModel } from '../support/fake-engine.ts';
import { chunk, rawRequest } from '../support/raw-request.ts';

async function serve(
  engine = new FakeEngine({ text: 'Yes.' }),
  config: Parameters<typeof fakeApp>[1] = {},
) {
  const { app } = fakeApp([fakeModel(engine)], config);
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.destroy());
  return { engine, server };
}

const head = (path: string, ...more: string[]) => [
  `POST ${path} HTTP/1.1`,
  'Host: localhost',
  'Content-Type: application/json',
  ...more,
];
const chunked = 'Transfer-Encoding: chunked';
const paths = apiRoutes.flatMap(({ method, path }) => (method === 'post' ? [path] : []));

describe.each(paths)('%s', (path) => {
  it('cuts off chunks that never end', async () => {
    const { engine, server } = await serve();
    const body = chunk('x'.repeat(1000)).repeat(8);
    const { answer } = rawRequest(server, [...head(path, chunked, 'Connection: close'), ''], body);
    expect(await answer).toMatchObject({ status: 413 });
    expect(engine.requests).toEqual([]);
  });

  it('unfolds nothing', async () => {
    const { engine, server } = await serve();
    const bomb = gzipSync(Buffer.alloc(10_000_000, ' ')).toString('latin1');
    const lines = head(path, 'Content-Encoding: gzip', chunked, 'Connection: close');
    const { answer } = rawRequest(server, [...lines, ''], chunk(bomb.slice(0, 2000)));
    expect(await answer).toMatchObject({ status: 415 });
    expect(engine.requests).toEqual([]);
  });
});

describe('around the body', () => {
  const path = '/v1/chat/completions';
  const text = JSON.stringify(ask());

  it.each([
    ['trailers', `0\r\n${'x-filler: y\r\n'.repeat(5000)}`],
    ['a chunk’s extension', `1;${'e'.repeat(20_000)}`],
    ['a chunk’s length', '1'.repeat(40)],
  ])('%s without end close the connection', async (_, rest) => {
    const { engine, server } = await serve();
    const lines = [...head(path, chunked), ''];
    const { status, text: got } = await rawRequest(server, lines, `${chunk(text)}${rest}`).answer;
    expect([400, 413, 431]).toContain(status);
    expect(got).not.toContain('Yes.');
    expect(engine.requests).toEqual([]);
  });

  it('a head or a body that dribbles in is given up', { timeout: 120_000 }, async () => {
    const { engine, server } = await serve();
    const slowHead = rawRequest(server, head(path));
    const slowBody = rawRequest(server, [...head(path, chunked), ''], chunk(text.slice(0, 9)));
    const sinceMs = performance.now();
    expect(await slowHead.answer).toMatchObject({ status: 408 });
    // 15 s, and up to 5 until Node looks again.
    expect(performance.now() - sinceMs).toBeLessThan(28_000);
    const { text: answered } = await slowBody.answer;
    expect(answered).not.toContain('Yes.');
    expect(engine.requests).toEqual([]);
  });
});

describe('a client that leaves before anything was said', () => {
  it.each([true, false])('frees its slot, stream: %s', async (stream) => {
    const { engine, server } = await serve(new FakeEngine({ hang: true }));
    const body = JSON.stringify(ask({ stream }));
    const lines = [...head('/v1/chat/completions', `Content-Length: ${body.length}`), ''];
    const { socket } = rawRequest(server, lines, body);
    await vi.waitFor(() => expect(engine.requests).toHaveLength(1), 20_000);
    socket.destroy();
    await vi.waitFor(() => expect(engine.endings).toEqual(['aborted']), 20_000);
  });
});

describe('bodies that come together', () => {
  const body = JSON.stringify(ask());
  const path = '/v1/chat/completions';

  it.each([
    ['of a length that is told', [`Content-Length: ${body.length}`, ''], body.length],
    ['of any length, each as the longest', [chunked, ''], 4096],
  ])('%s have a bound, and room again when one has gone', async (_, lines, bytes) => {
    const { engine, server } = await serve(new FakeEngine({ text: 'Yes.' }), {
      bodyBudgetBytes: bytes + body.length,
    });
    const first = rawRequest(server, [...head(path), ...lines]);
    const post = () =>
      fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(ask({ seed: 7 })),
      });
    const refused = await vi.waitFor(async () => {
      const response = await post();
      expect(response.status).toBe(503);
      return response;
    }, 20_000);
    expect(refused.headers.get('retry-after')).toBe('1');
    const { code, message } = await errorOf(refused);
    expect(code).toBe('server_is_overloaded');
    expect(message).toContain(`All ${bytes + body.length} bytes for request bodies are taken`);
    first.socket.destroy();
    await vi.waitFor(async () => expect((await post()).status).toBe(200), 20_000);
    expect(engine.requests.map(({ sampling }) => sampling.seed)).toContain(7);
  });
});

describe('requests that come at once on one connection', () => {
  const request = (extra: object = {}) => {
    const body = JSON.stringify(ask(extra));
    return [...head('/v1/chat/completions', `Content-Length: ${body.length}`), '', body].join(
      '\r\n',
    );
  };

  it('are answered one after another, in their order', async () => {
    const { engine, server } = await serve();
    const asked = [1, 2, 3].map((seed) => request({ seed }));
    const { answer } = rawRequest(
      server,
      [],
      `${asked.join('')}GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    const { text } = await answer;
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(4);
    expect(text).toMatch(/(Yes\..*){3}ok/s);
    expect(engine.requests.map(({ sampling }) => sampling.seed)).toEqual([1, 2, 3]);
    expect(engine.endings).toEqual(['stop', 'stop', 'stop']);
  });

  it.each([true, false])('end with it when its client leaves, stream: %s', async (stream) => {
    const { engine, server } = await serve(new FakeEngine({ hang: true }));
    const { socket } = rawRequest(server, [], request({ stream }).repeat(3));
    await vi.waitFor(() => expect(engine.requests).toHaveLength(1), 20_000);
    socket.destroy();
    await server.idle();
    await vi.waitFor(() => expect(engine.endings).toEqual(['aborted']), 20_000);
    expect(engine.requests).toHaveLength(1);
  });

  it('are no more than 17, or the connection is cut', async () => {
    const { engine, server } = await serve(new FakeEngine({ hang: true }));
    const probe = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const { socket, answer } = rawRequest(server, [], request() + probe.repeat(16));
    await vi.waitFor(() => expect(engine.requests).toHaveLength(1), 20_000);
    expect(engine.endings).toEqual([]);
    socket.write(probe);
    expect((await answer).text).toBe('');
    await server.idle();
    await vi.waitFor(() => expect(engine.endings).toEqual(['aborted']), 20_000);
  });
});
