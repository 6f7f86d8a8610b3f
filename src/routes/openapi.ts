// The route table as an OpenAPI 3.1 document (GET /openapi.json).
import type { Handler } from 'hono';
import { createDocument, type ZodOpenApiOperationObject } from 'zod-openapi';
import type { AppEnv } from './app-context.ts';
import { errorSchema } from './response-schemas.ts';
import { type ApiRoute, apiRoutes } from './route-table.ts';

export type OpenApiDocument = ReturnType<typeof createDocument>;

const description =
  'OpenAI’s API over small models that reason in continuous thoughts. Thoughts are billed as ' +
  'reasoning tokens. Every path under /v1 also answers under /openai/v1.';

/** @param withKeys the server asks for an API key */
export function toOpenApi(withKeys: boolean): OpenApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const route of apiRoutes) {
    paths[openApiPath(route.path)] = { [route.method]: operation(route) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: { title: 'coconut-serve', version: '1', description },
    paths,
    ...(withKeys && {
      security: [{ key: [] }],
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    }),
  });
}

export function openApi(withKeys: boolean): Handler<AppEnv> {
  let text: string | null = null;
  return (c) => {
    text ??= JSON.stringify(toOpenApi(withKeys));
    return c.body(text, 200, { 'content-type': 'application/json' });
  };
}

/** /v1/models/:id{.+} → /v1/models/{id} */
export function openApiPath(path: string): string {
  return path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}');
}

function operation(route: ApiRoute): ZodOpenApiOperationObject {
  const { operationId, summary, path, answer } = route;
  const json = { 'application/json': { schema: answer } };
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '');
  return {
    operationId,
    summary,
    ...(names.length > 0 && { parameters: names.map(pathParameter) }),
    ...(route.method === 'post' && {
      requestBody: { required: true, content: { 'application/json': { schema: route.body } } },
    }),
    responses: {
      200: { description: summary, content: { ...json, ...streamed(route) } },
      default: {
        description: 'What went wrong, in OpenAI’s error object',
        content: { 'application/json': { schema: errorSchema } },
      },
    },
  };
}

function streamed(route: ApiRoute) {
  if (route.method === 'get' || route.chunk === null) return {};
  const schema =
    route.chunk === 'events'
      ? { type: 'string' as const, description: 'Named events, numbered from 0' }
      : route.chunk;
  return { 'text/event-stream': { schema } };
}

const pathParameter = (name: string) => ({
  name,
  in: 'path' as const,
  required: true,
  schema: { type: 'string' as const },
});
