// Node's HTTP server around the app: timeouts against slow clients, and an end that waits for
// running answers.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { type App, answerUnroutable } from './app.ts';

/** Receiving only: a streamed answer may take as long as it needs. */
const serverOptions = {
  headersTimeout: 15_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  // Longer than the usual 60 s of a proxy, which must be the one to close an idle connection.
  keepAliveTimeout: 65_000,
};
/** Connections that wait while the event loop is busy; Node's own 511 loses some of a burst of 500 streams. */
const backlog = 4096;
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

/** `max` of 0: any number. */
export type ConnectionLimit = { max: number; onRefused: () => void };

/** Rejects with Node's own error where the address cannot be had, e.g. EADDRINUSE. */
export async function listen(
  app: App,
  { host, port }: { host: string; port: number },
  connections: ConnectionLimit = { max: 0, onRefused: () => {} },
): Promise<HttpServer> {
  const listener = getRequestListener(app.fetch, { errorHandler: answerUnroutable });
  const answers = new OpenAnswers();
  const server = createServer(serverOptions, (incoming, outgoing) => {
    answers.add(outgoing);
    return listener(incoming, outgoing);
  });
  if (connections.max > 0) server.maxConnections = connections.max;
  server.on('drop', connections.onRefused);
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

class OpenAnswers {
  #count = 0;
  #waiting: (() => void)[] = [];

  add(outgoing: ServerResponse): void {
    this.#count += 1;
    outgoing.once('close', () => {
      this.#count -= 1;
      if (this.#count === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  none(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#count === 0) resolve();
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
