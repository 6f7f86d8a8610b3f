// POST /tokenize and /detokenize: a checkpoint's own tokenizer. The paths and fields are the ones
// that other servers have; OpenAI has none.
import type { Handler } from 'hono';
import { z } from 'zod';
import { apiError } from '../errors.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { listOf } from './bounded-lists.ts';
import { maxMessages } from './chat-fields.ts';
import { chatMessageSchema, toTemplateMessages } from './chat-messages.ts';
import { chatPrompt } from './chat-prompt.ts';
import { tokenIdsSchema } from './completion-fields.ts';
import { encodePrompt } from './generation.ts';
import { readJson } from './guards.ts';
import { parseBody } from './request-body.ts';
import { findModel, type ServedModel } from './served-model.ts';

export const tokenizeRequestSchema = z.object({
  model: z.string().min(1).max(256),
  prompt: z.string().nullish(),
  /** Instead of a prompt: through the checkpoint's chat template, without the markers of latent mode. */
  messages: listOf(chatMessageSchema, { min: 1, max: maxMessages }).nullish(),
});

export const detokenizeRequestSchema = z.object({
  model: z.string().min(1).max(256),
  tokens: tokenIdsSchema,
});

export function tokenize(deps: AppDeps): Handler<AppEnv> {
  return async (c) => {
    const request = parseBody(await readJson(c), tokenizeRequestSchema, {});
    const model = findModel(deps.models, request.model);
    const tokens = idsOf(request, model);
    return c.json({ tokens, count: tokens.length, max_model_len: model.slotCapacity });
  };
}

function idsOf(
  { prompt, messages }: z.output<typeof tokenizeRequestSchema>,
  model: ServedModel,
): number[] {
  if ((prompt == null) === (messages == null)) {
    throw apiError('invalid_request', {
      param: 'prompt',
      message: 'prompt: either a prompt or messages must be given',
    });
  }
  if (messages) return chatPrompt(toTemplateMessages(messages), 'messages', model).ids;
  return encodePrompt(prompt ?? '', 'prompt', model);
}

/** Special tokens have no text: they are left out. */
export function detokenize(deps: AppDeps): Handler<AppEnv> {
  return async (c) => {
    const { model: id, tokens } = parseBody(await readJson(c), detokenizeRequestSchema, {});
    const model = findModel(deps.models, id);
    const last = model.tokenizer.vocabSize - 1;
    const at = tokens.findIndex((token) => token > last);
    if (at !== -1) {
      throw apiError('invalid_request', {
        param: 'tokens',
        message: `tokens: ${tokens[at]} at ${at} is no token id of this checkpoint (0 to ${last})`,
      });
    }
    return c.json({ prompt: model.tokenizer.decode(tokens) });
  };
}
