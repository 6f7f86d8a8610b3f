// The server's API as this page uses it: the models, and streamed chat completions. What the server
// refuses is thrown as it said it.
import { dataOf } from './event-stream.js';

/**
 * @typedef {{ data: string, items: number, accuracy: number,
 *   cot_baseline: { model: string, accuracy: number, mean_text_tokens: number } | null }} Evaluation
 * @typedef {{ id: string, coconut: { method: string, evaluation: Evaluation | null,
 *   latent_thoughts: { default: number, maximum: number } } }} Model
 * @typedef {{ words: { token: string, probability: number }[], norm: number, cosine: number | null }} Thought
 * @typedef {{ model: string, messages: { role: 'user', content: string }[], latent_thoughts: number,
 *   latent_trace?: { top_k: number }, latent_control?: 'shuffle',
 *   stream: true, stream_options: { include_usage: true } }} ChatBody
 * @typedef {{ completion_tokens: number, completion_tokens_details: { reasoning_tokens: number } }} Usage
 * @typedef {{ choices: { delta: { content?: string, latent_trace?: Thought[] } }[], usage?: Usage | null,
 *   timings?: { total_ms: number } }} Chunk
 */

/** Relative to the page, so that a prefix in front of the server does no harm. */
const root = new URL('..', document.baseURI);

/** @param {string} path @param {string} key @param {RequestInit} [init] */
async function request(path, key, init) {
  const headers = new Headers(init?.headers);
  if (key !== '') headers.set('authorization', `Bearer ${key}`);
  const response = await fetch(new URL(path, root), { ...init, headers });
  if (!response.ok) throw new Error(`${response.status}: ${await refusalOf(response)}`);
  return response;
}

/** OpenAI's error object in words; another's answer, such as a proxy's, as it is. @param {Response} response */
async function refusalOf(response) {
  const text = await response.text();
  try {
    return inWords(JSON.parse(text).error);
  } catch {
    return text.slice(0, 500) || response.statusText;
  }
}

/** @param {{ message: string, code: string | null, param: string | null }} error */
function inWords({ message, code, param }) {
  const where = [code, param].filter((part) => part !== null).join(', ');
  return where === '' ? message : `${message} (${where})`;
}

/** @param {string} key @returns {Promise<Model[]>} */
export async function listModels(key) {
  const response = await request('v1/models', key);
  return (await response.json()).data;
}

/**
 * Each chunk, and the line it came in. Throws what the server refuses, also in the middle of the stream.
 * @param {ChatBody} body @param {string} key @param {AbortSignal} signal
 * @returns {AsyncGenerator<{ line: string, chunk: Chunk }, void, undefined>}
 */
export async function* streamChat(body, key, signal) {
  const response = await request('v1/chat/completions', key, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  if (response.body === null) throw new Error('the answer has no body');
  for await (const line of dataOf(response.body)) {
    if (line === '[DONE]') return;
    const chunk = JSON.parse(line);
    if (chunk.error) throw new Error(inWords(chunk.error));
    yield { line, chunk };
  }
  throw new Error('the stream ended before [DONE]');
}
