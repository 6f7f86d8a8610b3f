// Every field of POST /v1/completions, and body → one GenerationRequest per prompt. A prompt is
// continued as it stands; only where thoughts are asked for is it laid out as in training.
import { z } from 'zod';
import type { GenerationRequest } from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import { listOf } from './bounded-lists.ts';
import { cacheFields } from './cache-scope.ts';
import { metadataSchema, safetyIdentifierSchema } from './chat-fields.ts';
import { encodePrompt, toGeneration } from './generation.ts';
import { latentFields, reasoningEfforts, settleThoughts } from './latent-fields.ts';
import { refusedBeside } from './refused-fields.ts';
import { onlyWith, parseBody } from './request-body.ts';
import { samplingFields, tokenIdsOf } from './sampling-fields.ts';
import type { ServedModel } from './served-model.ts';

const maxPrompts = 32;
/** OpenAI's own. */
const defaultMaxTokens = 16;

const textSchema = z.string().min(1);
export const tokenIdsSchema = tokenIdsOf({ min: 1, max: 1_048_576 });

/** Null counts as absent everywhere. */
export const completionRequestSchema = z.object({
  model: z.string().min(1).max(256),
  prompt: z.union([
    textSchema,
    listOf(textSchema, { min: 1, max: maxPrompts }),
    tokenIdsSchema,
    listOf(tokenIdsSchema, { min: 1, max: maxPrompts }),
  ]),
  /** 0 with echo only. */
  max_tokens: z.int().min(0).nullish(),
  ...samplingFields,
  n: z.int().min(1).max(128).nullish(),
  best_of: z.int().min(0).max(128).nullish(),
  logprobs: z.int().min(0).max(5).nullish(),
  echo: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  reasoning_effort: z.enum(reasoningEfforts).nullish(),
  ...latentFields,
  return_token_ids: z.boolean().nullish(),
  ...cacheFields,
  metadata: metadataSchema.nullish(),
  safety_identifier: safetyIdentifierSchema.nullish(),
});

export type CompletionRequest = z.output<typeof completionRequestSchema>;

export const honouredCompletionFields = Object.keys(completionRequestSchema.shape);

/** None of these changes the text of an answer. */
export const acceptedCompletionFields = [
  'user',
  'priority',
  'store',
  'service_tier',
  'max_tool_calls',
] as const;

export const refusedCompletionFields = refusedBeside(honouredCompletionFields, {
  messages: 'prompt',
  input: 'prompt',
  max_completion_tokens: 'max_tokens',
  max_output_tokens: 'max_tokens',
  top_logprobs: 'logprobs',
  include: 'logprobs',
  reasoning: 'reasoning_effort',
});

/** Throws invalid_request or unsupported_value, naming the field. */
export function parseCompletionRequest(body: unknown): CompletionRequest {
  const request = parseBody(body, completionRequestSchema, refusedCompletionFields);
  if (request.stream_options && !request.stream) throw onlyWith('stream_options', 'stream: true');
  if (request.max_tokens === 0 && !request.echo) {
    const message = 'max_tokens: 0 is only allowed with echo: true';
    throw apiError('invalid_request', { param: 'max_tokens', message });
  }
  checkBestOf(request);
  checkLatent(request);
  return request;
}

const asksThoughts = ({ latent_thoughts, reasoning_effort }: CompletionRequest) =>
  latent_thoughts != null || reasoning_effort != null;

/** Without thoughts they would change nothing, and whoever sends them wants some. */
function checkLatent(request: CompletionRequest): void {
  if (asksThoughts(request)) return;
  const { thinking_token_budget, latent_after, latent_stop, latent_control } = request;
  const fields = { thinking_token_budget, latent_after, latent_stop, latent_control };
  const [param] = Object.entries(fields).find(([, value]) => value != null) ?? [];
  if (param) throw onlyWith(param, 'latent_thoughts or reasoning_effort');
}

function checkBestOf(request: CompletionRequest): void {
  const { given, told } = choiceCounts(request);
  if (given < told) {
    const message = `best_of: ${given} is less than n, ${told}`;
    throw apiError('invalid_request', { param: 'best_of', message });
  }
  if (request.stream && given > told) {
    const supported = 'n with stream (the best is known when all have ended)';
    throw apiError('unsupported_value', { param: 'best_of', given: String(given), supported });
  }
}

/** Of each prompt: the choices that are generated, and of these the ones that are told. */
export function choiceCounts({ n, best_of }: Pick<CompletionRequest, 'n' | 'best_of'>) {
  const told = n ?? 1;
  return { given: best_of || told, told };
}

/** One per prompt, in order. Throws invalid_request or context_length_exceeded. */
export function toCompletionRequests(
  request: CompletionRequest,
  prompts: readonly CompletionPrompt[],
  model: ServedModel,
): GenerationRequest[] {
  // Not the checkpoint's default: who sends raw text gets it continued, not answered.
  const thoughts = asksThoughts(request) ? settleThoughts(request, model) : 0;
  const layout = thoughts === 0 ? 'bare' : 'trained';
  const { given, told } = choiceCounts(request);
  const promptLogprobs = request.echo ? request.logprobs : null;
  return prompts.map(({ ids }) => ({
    ...toGeneration(
      {
        prompt: { ids, layout, param: 'prompt' },
        thoughts,
        latent: request,
        limit: request.max_tokens ?? defaultMaxTokens,
        sampling: request,
        // The best are told by their log probabilities, whether or not the caller sees them.
        logprobs: request.logprobs ?? (given > told ? 0 : null),
      },
      model,
    ),
    ...(promptLogprobs != null && { promptLogprobs }),
  }));
}

/** Read as tokens, and what `echo` repeats of it. */
export type CompletionPrompt = { ids: number[]; text: string };

/** In order. The text is what the model reads: characters that its vocabulary lacks are U+FFFD. Throws invalid_request. */
export function readPrompts(
  { prompt, echo }: CompletionRequest,
  model: ServedModel,
): CompletionPrompt[] {
  return promptsOf(prompt).map((item) => {
    const ids = promptIds(item, model);
    return { ids, text: echo ? model.tokenizer.decode(ids) : '' };
  });
}

function promptIds(prompt: string | number[], model: ServedModel): number[] {
  if (typeof prompt === 'string') return encodePrompt(prompt, 'prompt', model);
  checkTokenIds(prompt, 'prompt', model);
  return prompt;
}

/** Throws invalid_request for an id that the checkpoint lacks, or that is a marker of latent mode. */
export function checkTokenIds(ids: readonly number[], param: string, model: ServedModel): void {
  const { bot_token_id, eot_token_id, pause_token_id } = model.config.coconut;
  const markers = new Set([bot_token_id, eot_token_id, pause_token_id]);
  const last = model.tokenizer.vocabSize - 1;
  const at = ids.findIndex((id) => id > last || markers.has(id));
  if (at === -1) return;
  const reason = markers.has(ids[at] ?? null)
    ? 'is a marker of latent mode (ask with latent_thoughts)'
    : `is no token id of this checkpoint (0 to ${last})`;
  throw apiError('invalid_request', { param, message: `${param}: ${ids[at]} at ${at} ${reason}` });
}

export function promptsOf(prompt: CompletionRequest['prompt']): (string | number[])[] {
  if (typeof prompt === 'string') return [prompt];
  return prompt.every((item) => typeof item === 'number') ? [prompt] : prompt;
}
