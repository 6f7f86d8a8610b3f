// Connections that stay open between two requests, on a real socket.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ConnectionLimit, listen } from '../src/http-server.ts';
import { FakeEngine, fakeApp, fakeModel } from './support/fake-engine.ts';

/** Node adds a second, for a request that is on its way when its time is over; much more than that, so that it hides nothing. */
const idleMs = 3000;
const pauseMs = 2250;
/** Timers count whole milliseconds, from the beginning of a turn of the event loop. */
const timerMs = 5;

/** A connection to a server of its own, which asks and waits for the answer. */
async function connection(limit: Partial<ConnectionLimit>) {
  const { app } = fakeApp([fakeModel(new FakeEngine({ text: 'Yes.' }))]);
  const connections = { max: 0, onRefused: () => {}, ...limit };
  const server = await listen(app, { host: '127.0.0.1', port: 0 }, connections);
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
    server.destroy();
  });
  const closedMs = once(socket, 'close').then(() => performance.now());
  /** @returns when it began to ask, and the answer's head */
  const ask = async (): Promise<{ askedMs: number; head: string }> => {
    const askedMs = performance.now();
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const [data] = await once(socket, 'data');
    return { askedMs, head: String(data) };
  };
  return { ask, closedMs };
}

describe('a connection between two requests', { timeout: 30_000 }, () => {
  it('is closed once it has been idle for so long, and not before', async () => {
    const { ask, closedMs } = await connection({ idleMs });
    const { askedMs, head } = await ask();
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect((await closedMs) - askedMs).toBeGreaterThanOrEqual(idleMs - timerMs);
  });

  it('is kept by a request in time, for as long again', async () => {
    const { ask, closedMs } = await connection({ idleMs });
    const first = await ask();
    await delay(pauseMs);
    const second = await ask();
    expect(second.head).toMatch(/^HTTP\/1\.1 200 /);
    expect(second.askedMs - first.askedMs).toBeGreaterThanOrEqual(pauseMs - timerMs);
    expect((await closedMs) - second.askedMs).toBeGreaterThanOrEqual(idleMs - timerMs);
  });

  it('outlives the minute after which a proxy closes it, and says so', async () => {
    const { ask } = await connection({});
    const { head } = await ask();
    expect(Number(/^keep-alive: timeout=(\d+)\r$/im.exec(head)?.[1])).toBeGreaterThan(60);
  });
});
