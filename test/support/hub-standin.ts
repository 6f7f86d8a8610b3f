// A local stand-in for the Hugging Face hub: the three routes that fetching a model uses. `large` files
// are known by their sha256, as the hub's LFS files are, the others as git knows them.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export const commit = '0123456789abcdef0123456789abcdef01234567';

export type HubFiles = Map<string, Buffer>;

export function filesOf(dir: string): HubFiles {
  return new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))]));
}

/** `paths`: every request so far. `tamper`: what is sent instead of a file. */
export type Hub = {
  url: string;
  paths: string[];
  tamper: HubFiles;
  close: () => Promise<void>;
};

/** Serves `files` as the model `name` to whoever has `token`, where one is asked for. */
export async function startHub(name: string, files: HubFiles, token?: string): Promise<Hub> {
  const hub = { paths: [] as string[], tamper: new Map() as HubFiles };
  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!;
    hub.paths.push(path);
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      return json(response, 401, { error: 'no access' });
    }
    if (path.startsWith(`/api/models/${name}/revision/`)) {
      return json(response, 200, { _id: '1', id: name, sha: commit, private: false });
    }
    if (path === `/api/models/${name}/tree/${commit}`) {
      return json(response, 200, [...files].map(entryOf));
    }
    const file = path.slice(`/${name}/resolve/${commit}/`.length);
    const content =
      path.startsWith(`/${name}/resolve/`) && (hub.tamper.get(file) ?? files.get(file));
    if (!content) return json(response, 404, { error: 'not found' });
    sendRange(request, response, content);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  onTestFinished(close);
  return Object.assign(hub, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close,
  });
}

function entryOf([path, content]: [string, Buffer]) {
  const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  const entry = { type: 'file', path, size: content.length, oid };
  if (!path.endsWith('.safetensors')) return entry;
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { ...entry, lfs: { oid: sha256, size: content.length, pointerSize: 130 } };
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function sendRange(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  if (!range) {
    response.writeHead(200, { etag: '"any"' });
    response.end(content);
    return;
  }
  const [from, to] = [Number(range[1]), Math.min(Number(range[2]), content.length - 1)];
  response.writeHead(206, {
    etag: '"any"',
    'content-range': `bytes ${from}-${to}/${content.length}`,
  });
  response.end(content.subarray(from, to + 1));
}
