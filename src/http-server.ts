// Node's HTTP server around the app: timeouts against slow clients, and a close that waits for
// running answers.
import { createServer, type Server } from 'node:http';
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
const idleSweepMs = 50;

export type HttpServer = {
  url: string;
  /** Takes no new connections; resolves when the last request has been answered. */
  close: () => Promise<void>;
  /** Cuts what is still open. */
  destroy: () => void;
};

/** Rejects with Node's own error where the address cannot be had, e.g. EADDRINUSE. */
export async function listen(
  app: App,
  { host, port }: { host: string; port: number },
): Promise<HttpServer> {
  const listener = getRequestListener(app.fetch, { errorHandler: answerUnroutable });
  const server = createServer(serverOptions, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  const { port: bound } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${bound}`,
    close: () => closeWhenIdle(server),
    destroy: () => server.closeAllConnections(),
  };
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
