import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  acceptedFields,
  honouredFields,
  parseChatRequest,
  refusedFields,
} from '../../src/routes/chat-fields.ts';
import { refusalOf } from '../support/refusal.ts';

const base = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const refused = Object.keys(refusedFields);

// The request body of POST /chat/completions in OpenAI's published API description.
const openaiFields = [
  'messages model max_completion_tokens max_tokens temperature top_p n stop seed stream',
  'stream_options logprobs top_logprobs presence_penalty frequency_penalty logit_bias',
  'response_format reasoning_effort tools tool_choice parallel_tool_calls functions function_call',
  'user safety_identifier prompt_cache_key prompt_cache_retention prompt_cache_options metadata',
  'store service_tier verbosity prediction modalities audio web_search_options moderation',
].flatMap((line) => line.split(' '));

const failure = (extra: object) => refusalOf(() => parseChatRequest({ ...base, ...extra }));

describe('the field tables', () => {
  it('place every field of OpenAI’s description, and each in one table only', () => {
    const placed = [...honouredFields, ...acceptedFields, ...refused];
    expect(openaiFields.filter((field) => !placed.includes(field))).toEqual([]);
    expect(new Set(placed).size).toBe(placed.length);
  });

  it('are written down in docs/api.md', () => {
    const docs = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
    const placed = [...honouredFields, ...acceptedFields, ...refused];
    expect(placed.filter((field) => !docs.includes(`\`${field}\``))).toEqual([]);
  });

  it.each(acceptedFields)('%s is accepted whatever it holds', (field) => {
    expect(parseChatRequest({ ...base, [field]: 'anything' })).not.toHaveProperty(field);
  });

  it.each(refused)('%s is refused by name, and passes at its neutral values', (field) => {
    const error = failure({ [field]: 'something else' });
    expect(error.status).toBe(400);
    expect(error.param).toBe(field);
    expect(['unsupported_parameter', 'unsupported_value']).toContain(error.code);
    for (const value of [...(refusedFields[field]?.neutral ?? []), null]) {
      expect(parseChatRequest({ ...base, [field]: value })).toMatchObject(base);
    }
  });

  it('ignore what no table knows, prototype names included', () => {
    const body = JSON.parse('{"made_up": 1, "constructor": 2, "__proto__": {"n": 5}}');
    expect(parseChatRequest({ ...body, ...base })).toEqual(base);
  });

  it('do not repeat a refused list or object', () => {
    const { message } = failure({ tools: [{ type: 'function', note: 'private' }] });
    expect(message).not.toContain('private');
  });
});

describe('parseChatRequest', () => {
  const bad: [string, object, string][] = [
    ['no model', { model: undefined }, 'model'],
    ['no messages', { messages: [] }, 'messages'],
    ['1025 messages', { messages: Array(1025).fill(base.messages[0]) }, 'messages'],
    [
      '1025 parts',
      { messages: [{ role: 'user', content: Array(1025).fill({ type: 'text', text: '' }) }] },
      'messages[0].content',
    ],
    ['a message without role', { messages: [{ content: 'x' }] }, 'messages[0].role'],
    ['a numeric content', { messages: [{ role: 'user', content: 5 }] }, 'messages[0].content'],
    ['temperature over 2', { temperature: 2.1 }, 'temperature'],
    ['temperature below 0', { temperature: -0.1 }, 'temperature'],
    ['temperature as text', { temperature: '1' }, 'temperature'],
    ['top_p over 1', { top_p: 1.5 }, 'top_p'],
    ['max_tokens 0', { max_tokens: 0 }, 'max_tokens'],
    ['max_tokens of a half', { max_tokens: 0.5 }, 'max_tokens'],
    ['max_tokens past 2^53', { max_tokens: 2 ** 53 + 2 }, 'max_tokens'],
    ['max_completion_tokens -1', { max_completion_tokens: -1 }, 'max_completion_tokens'],
    ['latent_thoughts -1', { latent_thoughts: -1 }, 'latent_thoughts'],
    ['latent_thoughts 1e308', { latent_thoughts: 1e308 }, 'latent_thoughts'],
    ['an unknown effort', { reasoning_effort: 'huge' }, 'reasoning_effort'],
    ['a fractional seed', { seed: 1.5 }, 'seed'],
    ['five stop strings', { stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    ['a stop string of 257', { stop: 'x'.repeat(257) }, 'stop'],
    ['a stop string of 257 among others', { stop: ['a', 'x'.repeat(257)] }, 'stop[1]'],
    ['a model of 257', { model: 'x'.repeat(257) }, 'model'],
    ['an empty stop string', { stop: '' }, 'stop'],
    ['stream_options without stream', { stream_options: {} }, 'stream_options'],
    ['top_k -2', { top_k: -2 }, 'top_k'],
    ['min_p over 1', { min_p: 1.1 }, 'min_p'],
    ['presence_penalty over 2', { presence_penalty: 2.5 }, 'presence_penalty'],
    ['frequency_penalty below -2', { frequency_penalty: -2.5 }, 'frequency_penalty'],
    ['repetition_penalty 0', { repetition_penalty: 0 }, 'repetition_penalty'],
    ['a bias of 101', { logit_bias: { 5: 101 } }, 'logit_bias'],
    ['a bias on a word', { logit_bias: { yes: 1 } }, 'logit_bias'],
    [
      'a bias on 1025 ids',
      { logit_bias: Object.fromEntries([...Array(1025).keys()].map((i) => [i, 1])) },
      'logit_bias',
    ],
    ['65 stop ids', { stop_token_ids: Array(65).fill(1) }, 'stop_token_ids'],
    ['min_tokens -1', { min_tokens: -1 }, 'min_tokens'],
    ['top_logprobs 21', { logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    ['top_logprobs without logprobs', { top_logprobs: 2 }, 'top_logprobs'],
    ['top_logprobs 0 without logprobs', { top_logprobs: 0 }, 'top_logprobs'],
    ['a safety identifier of 65', { safety_identifier: 'x'.repeat(65) }, 'safety_identifier'],
    ['a metadata key of 65', { metadata: { ['k'.repeat(65)]: '' } }, 'metadata'],
    ['a metadata value of 513', { metadata: { k: 'x'.repeat(513) } }, 'metadata'],
    ['a metadata value that is no text', { metadata: { a: 1 } }, 'metadata'],
    ['an unknown format', { response_format: { type: 'xml' } }, 'response_format.type'],
    [
      'a schema without a name',
      { response_format: { type: 'json_schema', json_schema: {} } },
      'response_format.json_schema.name',
    ],
    ['a cache key of 1025', { prompt_cache_key: 'x'.repeat(1025) }, 'prompt_cache_key'],
    ['a numeric salt', { cache_salt: 7 }, 'cache_salt'],
    [
      '17 metadata pairs',
      { metadata: Object.fromEntries([...Array(17).keys()].map((i) => [i, ''])) },
      'metadata',
    ],
  ];
  it.each(bad)('refuses %s', (_, extra, param) => {
    expect(failure(extra)).toMatchObject({ code: 'invalid_request', param });
  });

  it('takes metadata and a safety identifier of OpenAI’s largest sizes', () => {
    const pairs = [...Array(16).keys()].map((i) => [String(i).padEnd(64, 'k'), 'x'.repeat(512)]);
    const largest = { metadata: Object.fromEntries(pairs), safety_identifier: 'x'.repeat(64) };
    expect(parseChatRequest({ ...base, ...largest })).toMatchObject(largest);
  });

  it.each([[null], [[]], ['text'], [7]])('refuses the body %j', (body) => {
    expect(() => parseChatRequest(body)).toThrow('must be a JSON object');
  });

  it('takes null for every optional field, and seeds of 64 bits', () => {
    const optional = honouredFields.filter((field) => field !== 'model' && field !== 'messages');
    const nulls = Object.fromEntries(optional.map((field) => [field, null]));
    expect(parseChatRequest({ ...base, ...nulls })).toMatchObject(base);
    expect(parseChatRequest({ ...base, seed: 2 ** 63 }).seed).toBe(2 ** 63);
  });
});
