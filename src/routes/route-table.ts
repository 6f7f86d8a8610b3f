// Every route of OpenAI's contract and its neighbours, a row each: path, schemas, handler. The app
// mounts this table and the OpenAPI document describes it, so that neither can forget a route.
import type { Handler } from 'hono';
import type { z } from 'zod';
import type { Endpoint } from './answer-meter.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { chatCompletions } from './chat-completions.ts';
import { chatRequestSchema } from './chat-fields.ts';
import { completionRequestSchema } from './completion-fields.ts';
import { completions } from './completions.ts';
import { listModels, retrieveModel } from './models.ts';
import { responseRequestSchema } from './response-fields.ts';
import {
  chatChunkSchema,
  chatCompletionSchema,
  detokenizedSchema,
  inputTokensSchema,
  modelListSchema,
  modelSchema,
  responseSchema,
  textCompletionSchema,
  tokensSchema,
} from './response-schemas.ts';
import { inputTokens, responses } from './responses.ts';
import {
  detokenize,
  detokenizeRequestSchema,
  tokenize,
  tokenizeRequestSchema,
} from './tokenize.ts';

export type ApiRoute = {
  /** In Hono's syntax; a row under /v1 answers under /openai/v1 as well. */
  path: string;
  operationId: string;
  summary: string;
  answer: z.ZodType;
  handler: (deps: AppDeps) => Handler<AppEnv>;
} & (
  | { method: 'get' }
  | {
      method: 'post';
      body: z.ZodType;
      /** Set where text is generated: such requests are counted. */
      endpoint: Endpoint | null;
      /** What each data line of a stream holds, where the route streams; 'events' are named ones. */
      chunk: z.ZodType | 'events' | null;
    }
);

export const apiRoutes: readonly ApiRoute[] = [
  {
    method: 'post',
    path: '/v1/chat/completions',
    operationId: 'createChatCompletion',
    summary: 'Answer a conversation, after continuous thoughts',
    body: chatRequestSchema,
    answer: chatCompletionSchema,
    chunk: chatChunkSchema,
    endpoint: 'chat.completions',
    handler: chatCompletions,
  },
  {
    method: 'post',
    path: '/v1/completions',
    operationId: 'createCompletion',
    summary: 'Continue each prompt as it stands',
    body: completionRequestSchema,
    answer: textCompletionSchema,
    chunk: textCompletionSchema,
    endpoint: 'completions',
    handler: completions,
  },
  {
    method: 'post',
    path: '/v1/responses',
    operationId: 'createResponse',
    summary: 'One stateless turn of the Responses API',
    body: responseRequestSchema,
    answer: responseSchema,
    chunk: 'events',
    endpoint: 'responses',
    handler: responses,
  },
  {
    method: 'post',
    path: '/v1/responses/input_tokens',
    operationId: 'countInputTokens',
    summary: 'Input tokens that a response to the same body would use',
    body: responseRequestSchema,
    answer: inputTokensSchema,
    chunk: null,
    endpoint: null,
    handler: inputTokens,
  },
  {
    method: 'get',
    path: '/v1/models',
    operationId: 'listModels',
    summary: 'The served checkpoints',
    answer: modelListSchema,
    handler: listModels,
  },
  {
    method: 'get',
    path: '/v1/models/:id{.+}',
    operationId: 'retrieveModel',
    summary: 'One checkpoint; its id may hold slashes',
    answer: modelSchema,
    handler: retrieveModel,
  },
  {
    method: 'post',
    path: '/tokenize',
    operationId: 'tokenize',
    summary: 'Text or messages to token ids',
    body: tokenizeRequestSchema,
    answer: tokensSchema,
    chunk: null,
    endpoint: null,
    handler: tokenize,
  },
  {
    method: 'post',
    path: '/detokenize',
    operationId: 'detokenize',
    summary: 'Token ids to text',
    body: detokenizeRequestSchema,
    answer: detokenizedSchema,
    chunk: null,
    endpoint: null,
    handler: detokenize,
  },
];
