// GET /playground/: a page on which people ask a checkpoint and watch it think. Its files are served as
// they stand in playground/, a fixed list, so no path can reach another file.
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Handler } from 'hono';
import type { AppEnv } from './app-context.ts';

const folder = new URL('../../playground/', import.meta.url);

/** What has no type here is not served. */
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

// Answers are shown as text only: with trusted types the browser would refuse to read any as HTML.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

export type PageRoute = { path: string; handler: Handler<AppEnv> };

export function playgroundRoutes(): PageRoute[] {
  // Relative, so that the page also works below a prefix that a proxy takes off.
  const toFolder: PageRoute = {
    path: '/playground',
    handler: (c) => c.redirect('playground/', 308),
  };
  const names = readdirSync(folder).filter((name) => extname(name) in types);
  return [toFolder, ...names.map(fileRoute)];
}

function fileRoute(name: string): PageRoute {
  const path = `/playground/${name === 'index.html' ? '' : name}`;
  const headers = {
    'content-type': types[extname(name)]!,
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  };
  const handler: Handler<AppEnv> = async (c) =>
    c.body(new Uint8Array(await readFile(new URL(name, folder))), 200, headers);
  return { path, handler };
}
