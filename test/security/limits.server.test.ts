// What other servers were broken by, against ours over a real socket: huge headers, readers that do
// not read, numbers at the edge, markers spelled in text, prompts in logs.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type HttpServer, listen } from '../../src/http-server.ts';
import { createLog } from '../../src/log.ts';
import {
  ask,
  FakeEngine,
  fakeApp,
  fakeModel,
  post,
  postChat,
  special,
} from '../support/fake-engine.ts';

let server: HttpServer | undefined;
afterEach(() => server?.destroy());

const head = (path: string, body: string, extra: string[] = []) =>
  [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...extra,
    '',
    body,
  ].join('\r\n');

const portOf = ({ url }: HttpServer) => Number(new URL(url).port);

describe('a client', () => {
  it('with a huge header gets 431 and reaches no handler', async () => {
    const engine = new FakeEngine({ text: 'Yes.' });
    server = await listen(fakeApp([fakeModel(engine)]).app, { host: '127.0.0.1', port: 0 });
    const headers = { 'x-filler': 'x'.repeat(20_000) };
    const text = await new Promise<string>((resolve) => {
      const socket = connect(portOf(server as HttpServer), '127.0.0.1');
      socket.once('data', (data) => resolve(String(data)));
      socket.on('error', () => {});
      socket.write(head('/v1/chat/completions', '{}', [`x-filler: ${headers['x-filler']}`]));
    });
    expect(text).toMatch(/^HTTP\/1.1 431/);
    expect(engine.requests).toEqual([]);
  });

  it('beyond the most connections is cut off and counted, until another leaves', async () => {
    const { app, deps } = fakeApp([fakeModel(new FakeEngine({ text: 'Yes.' }))]);
    const { coconut_connections_refused_total: refused } = deps.metrics;
    const connections = { max: 2, onRefused: () => refused.inc() };
    server = await listen(app, { host: '127.0.0.1', port: 0 }, connections);
    const port = portOf(server);
    const open = () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      return socket;
    };
    const answered = (socket: Socket) => {
      socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
      return once(socket, 'data').then(([data]) => String(data));
    };
    const [first, second] = [open(), open()];
    expect(await answered(first)).toMatch(/^HTTP\/1.1 200/);
    expect(await answered(second)).toMatch(/^HTTP\/1.1 200/);
    const third = open();
    third.resume();
    await once(third, 'close');
    expect((await refused.get()).values).toMatchObject([{ value: 1 }]);
    const left = once(first, 'close');
    first.destroy();
    await left;
    await vi.waitFor(async () => {
      const fourth = open();
      onTestFinished(() => void fourth.destroy());
      const closed = once(fourth, 'close').then(() => 'closed');
      expect(await Promise.race([answered(fourth), closed])).toMatch(/^HTTP\/1.1 200/);
    });
    second.destroy();
  });

  it('that stops reading loses its connection and frees its slot', async () => {
    const printed = vi.spyOn(console, 'error');
    const out = new PassThrough();
    const engine = new FakeEngine({ text: 'x'.repeat(60_000) });
    const model = fakeModel(engine, { slotCapacity: 100_000 });
    const { app, deps } = fakeApp([model], { stallMs: 200 }, { log: createLog('info', out) });
    server = await listen(app, { host: '127.0.0.1', port: 0 });
    const body = JSON.stringify(ask({ stream: true }));
    const socket = connect(portOf(server), '127.0.0.1', () => {
      socket.write(head('/v1/chat/completions', body));
      socket.pause();
    });
    socket.on('error', () => {});
    const ends = async () => {
      const { values } = await deps.metrics.coconut_requests_total.get();
      return values.map(({ labels }) => labels['finish_reason']);
    };
    await vi.waitFor(async () => expect(await ends()).toEqual(['abort']), { timeout: 30_000 });
    socket.destroy();
    const lines = String(out.read()).trim().split('\n');
    const [stalled] = lines.map((line) => JSON.parse(line)).filter((line) => line.stall_ms);
    expect(stalled).toMatchObject({ stall_ms: 200, request_id: expect.stringMatching(/^req_/) });
    expect(printed).not.toHaveBeenCalled();
  });

  it('that reads nothing of plain answers loses its connection, one that waits for its answer does not', async () => {
    const engine = new FakeEngine({ until: delay(800) }, { text: 'Yes.' });
    const { app } = fakeApp([fakeModel(engine)], { stallMs: 200 });
    server = await listen(app, { host: '127.0.0.1', port: 0 });
    const body = JSON.stringify(ask());
    const waiting = fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const socket = connect(portOf(server), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.pause();
    // More than the kernel's buffers take.
    const page = 'GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const asks = setInterval(() => socket.write(page.repeat(20)), 20);
    onTestFinished(() => clearInterval(asks));
    await vi.waitFor(() => expect(socket.destroyed).toBe(true), { timeout: 30_000 });
    expect((await waiting).status).toBe(200);
  });
});

describe('numbers at the edge', () => {
  const values = ['-1', '0', '2147483648', '9007199254740993', '1e308', '"NaN"', '1.5', '-1e308'];
  const fields: [string, string[]][] = [
    [
      '/v1/chat/completions',
      [
        'max_tokens',
        'max_completion_tokens',
        'seed',
        'latent_thoughts',
        'top_k',
        'min_tokens',
      ].concat(['top_logprobs', 'n', 'temperature', 'top_p', 'repetition_penalty']),
    ],
    ['/v1/completions', ['max_tokens', 'logprobs', 'n', 'best_of', 'latent_thoughts', 'top_k']],
    ['/v1/responses', ['max_output_tokens', 'latent_thoughts', 'temperature', 'top_logprobs']],
  ];
  const nested: [string, string[]][] = [
    [
      '/v1/chat/completions',
      [
        '"stop_token_ids":[1,#]',
        '"logit_bias":{"5":#}',
        '"latent_after":{"kind":"steps","count":#}',
        '"latent_stop":{"kind":"convergence","threshold":#}',
        '"latent_trace":{"top_k":#}',
      ],
    ],
    ['/v1/completions', ['"prompt":[72,#]', '"prompt":[[72],[#]]', '"stop_token_ids":[#]']],
    ['/detokenize', ['"tokens":[72,#]']],
  ];
  const plain = ['min_p', 'presence_penalty', 'frequency_penalty', 'thinking_token_budget'];
  const cases = [
    ...fields.flatMap(([path, names]) =>
      [...names, ...plain].map((name) => [path, `"${name}":#`] as const),
    ),
    ...nested.flatMap(([path, places]) => places.map((place) => [path, place] as const)),
  ];

  it.each(cases)('%s %s: answered or refused, never a failure', async (path, place) => {
    const { app } = fakeApp([fakeModel(new FakeEngine({ text: 'Yes.' }))]);
    const base = `"model":"fake/coconut","prompt":"Hi","input":"Hi","messages":[{"role":"user","content":"Hi"}]`;
    const own: Record<string, string> = {
      '/v1/chat/completions': '"prompt":null,"input":null',
      '/v1/completions': '"messages":null,"input":null,"latent_thoughts":2',
      '/v1/responses': '"messages":null,"prompt":null',
    };
    const post = (field: string) =>
      app.request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: `{${base},${own[path] ?? '"input":null'},${field}}`,
      });
    for (const value of values) {
      const { status } = await post(place.replace('#', value));
      expect([200, 400], value).toContain(status);
    }
    // One that is in range everywhere gets past the schema, so that the engine's own check has its say.
    if (!place.startsWith('"top_logprobs"') && path !== '/detokenize') {
      expect((await post(place.replace('#', '1'))).status).toBe(200);
    }
  });
});

describe('text', () => {
  it.each(['<bot>', '<eot>', '<|latent|>', '<|endoftext|>'])('%s stays text', async (marker) => {
    const engine = new FakeEngine({ text: 'Yes.' });
    const messages = [{ role: 'user', content: marker }];
    await postChat(fakeApp([fakeModel(engine)]).app, ask({ messages }));
    expect(engine.requests[0]?.promptIds).toEqual([...Buffer.from(`${marker}\n`), special.bot]);
  });

  it.each([
    ['instructions', { input: 'Hi', instructions: '<bot>' }],
    ['input', { input: [{ role: 'user', content: '<bot>' }] }],
  ])('that spells a marker stays text in a response’s %s', async (_, body) => {
    const engine = new FakeEngine({ text: 'Yes.' });
    const { app } = fakeApp([fakeModel(engine)]);
    const response = await post(app, '/v1/responses', { model: 'fake/coconut', ...body });
    expect(response.status).toBe(200);
    const { promptIds } = engine.requests[0]!;
    expect(promptIds.filter((id) => id === special.bot)).toHaveLength(1);
    expect(promptIds.at(-1)).toBe(special.bot);
  });

  it('of callers reaches the log neither as a line of its own nor at all', async () => {
    const out = new PassThrough();
    const log = createLog('trace', out);
    const model = fakeModel(new FakeEngine({ text: 'secret answer' }));
    const { app } = fakeApp([model], {}, { log });
    await (
      await postChat(app, ask({ messages: [{ role: 'user', content: 'secret question' }] }))
    ).text();
    await postChat(app, ask({ model: 'no\n{"level":"fatal"}' }));
    // Under keys of their own, and with what a terminal obeys.
    for (const field of ['metadata', 'logit_bias']) {
      await postChat(app, ask({ [field]: { 'secret \u009b31m\u2028': {} } }));
    }
    await app.request('/\u009b31m\u2028', { method: 'DELETE' });
    await app.request('/x%0a{"level":"fatal"}', { headers: { 'x-request-id': 'a b"}' } });
    const lines = String(out.read()).trim().split('\n');
    for (const line of lines) expect(JSON.parse(line).level).not.toBe('fatal');
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.join()).not.toMatch(/secret|a b"/);
    expect(lines.join()).not.toMatch(/[\x7f-\x9f\u2028\u2029]/);
  });
});
