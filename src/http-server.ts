// Node's HTTP server around the app: timeouts against slow clients, one request at a time of each
// connection, and an end that waits for running answers.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { type App, answerUnroutable } from './app.ts';

/** Receiving only: a streamed answer may take as long as it needs. */
const serverOptions = {
  headersTimeout: 15_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
};
/** Longer than the usual 60 s of a proxy, which must be the one to close an idle connection. */
const keepAliveMs = 65_000;
/** Connections that wait while the event loop is busy; Node's own 511 loses some of a burst of 500 streams. */
const backlog = 4096;
/** Requests of one connection that wait for the answer to the one before them. */
const maxPipelined = 16;
const idleSweepMs = 50;

export type HttpServer = {
  url: string;
  /** Resolves once no request is being answered, while new ones may still come. */
  idle: () => Promise<void>;
  /** Takes no new connections; resolves when the last request has been answered. */
  close: () => Promise<void>;
  /** Cuts what is still open. */
  destroy: () => void;
};

/** `max` of 0: any number; `idleMs`: between two requests, keepAliveMs without. */
export type ConnectionLimit = { max: number; onRefused: () => void; idleMs?: number };

/** Rejects with Node's own error where the address cannot be had, e.g. EADDRINUSE. */
export async function listen(
  app: App,
  { host, port }: { host: string; port: number },
  { max, onRefused, idleMs = keepAliveMs }: ConnectionLimit = { max: 0, onRefused: () => {} },
): Promise<HttpServer> {
  const listener = getRequestListener(app.fetch, { errorHandler: answerUnroutable });
  const answers = new OpenAnswers();
  const options = { ...serverOptions, keepAliveTimeout: idleMs };
  const server = createServer(options, (incoming, outgoing) => {
    answers.add(incoming.socket, { outgoing, begin: () => void listener(incoming, outgoing) });
  });
  if (max > 0) server.maxConnections = max;
  server.on('drop', onRefused);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog }, () => resolve());
  });
  const { port: bound } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${bound}`,
    idle: () => answers.none(),
    close: () => closeWhenIdle(server),
    destroy: () => server.closeAllConnections(),
  };
}

type PendingAnswer = { outgoing: ServerResponse; begin: () => void };

/**
 * A connection's requests begin one after another, as they may where they have effects (RFC 9112, 9.3.2): Node tells
 * only the answer that owns the socket when its client leaves, so that others would be computed for nobody.
 */
class OpenAnswers {
  /** By connection that is being answered: what it asked for meanwhile. */
  readonly #pipelined = new Map<Socket, PendingAnswer[]>();
  #waiting: (() => void)[] = [];

  add(socket: Socket, answer: PendingAnswer): void {
    const pipelined = this.#pipelined.get(socket);
    if (pipelined === undefined) this.#begin(socket, answer, []);
    else if (pipelined.length < maxPipelined) pipelined.push(answer);
    // Nothing can be said before the answers that are owed, and each of these costs memory.
    else socket.destroy();
  }

  #begin(socket: Socket, { outgoing, begin }: PendingAnswer, pipelined: PendingAnswer[]): void {
    this.#pipelined.set(socket, pipelined);
    outgoing.once('close', () => {
      const next = socket.writable ? pipelined.shift() : undefined;
      if (next) this.#begin(socket, next, pipelined);
      else this.#end(socket);
    });
    begin();
  }

  #end(socket: Socket): void {
    this.#pipelined.delete(socket);
    if (this.#pipelined.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  none(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#pipelined.size === 0) resolve();
      else this.#waiting.push(resolve);
    });
  }
}

async function closeWhenIdle(server: Server): Promise<void> {
  // Kept-alive connections that fall idle after close() would otherwise hold it open.
  const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs);
  try {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  } finally {
    clearInterval(sweep);
  }
}
