// GET /docs: the OpenAPI document as one page for people. No script and nothing from elsewhere, so
// it reads offline, and its policy can forbid both.
import { createHash } from 'node:crypto';
import type { Handler } from 'hono';
import { html, raw } from 'hono/html';
import type { AppEnv } from './app-context.ts';
import { type OpenApiDocument, toOpenApi } from './openapi.ts';

const style = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 56rem; padding: 0 1rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8886; border-radius: 6px; }
section { border-top: 1px solid #8886; margin-top: 1.5rem; }
summary { cursor: pointer; }
`;
const styleHash = createHash('sha256').update(style).digest('base64');
const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; frame-ancestors 'none'; base-uri 'none'`;

export function referencePage(withKeys: boolean): Handler<AppEnv> {
  return (c) => {
    c.header('content-security-policy', policy);
    c.header('x-content-type-options', 'nosniff');
    return c.html(toPage(toOpenApi(withKeys)));
  };
}

/** Schemas are shown as they stand in /openapi.json. */
function toPage({ info, paths, components }: OpenApiDocument) {
  const operations = Object.entries(paths ?? {}).flatMap(([path, item]) =>
    (['get', 'post'] as const).flatMap((method) => {
      const operation = item[method];
      return operation ? [{ path, method, operation }] : [];
    }),
  );
  const sections = operations.map(({ path, method, operation }) => {
    const { summary, requestBody, responses } = operation;
    return html`<section id="${operation.operationId}">
      <h2><code>${method.toUpperCase()} ${path}</code></h2>
      <p>${summary}</p>
      ${requestBody ? schemaBlock('Request body', requestBody) : ''}
      ${schemaBlock('Answers', responses)}
    </section>`;
  });
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${info.title}</title><style>${raw(style)}</style></head>
<body><h1>${info.title}</h1><p>${info.description}</p>
<p>The same for programs: <a href="/openapi.json">/openapi.json</a></p>
${sections}
<section><h2>Shared schemas</h2>${schemaBlock('Components', components)}</section>
</body></html>`;
}

function schemaBlock(title: string, schema: unknown) {
  return html`<details><summary>${title}</summary><pre>${JSON.stringify(schema, null, 2)}</pre></details>`;
}
