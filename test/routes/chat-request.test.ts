import { describe, expect, it } from 'vitest';
import { greedySampling } from '../../src/engine/messages.ts';
import { parseChatTemplate } from '../../src/model/chat-template.ts';
import { parseChatRequest } from '../../src/routes/chat-fields.ts';
import { toGenerationRequest } from '../../src/routes/chat-request.ts';
import type { ServedModel } from '../../src/routes/served-model.ts';
import { ask, cotModel, FakeEngine, fakeModel, special } from '../support/fake-engine.ts';
import { refusalOf } from '../support/refusal.ts';

const anyNumber = expect.any(Number);
const model = fakeModel(new FakeEngine());
const generation = (extra: object = {}, served: ServedModel = model) =>
  toGenerationRequest(parseChatRequest(ask(extra)), served);

const failure = (extra: object, served: ServedModel = model) =>
  refusalOf(() => generation(extra, served));

const user = (content: unknown) => ({ messages: [{ role: 'user', content }] });

describe('thoughts', () => {
  it.each([
    [{}, 6],
    [{ latent_thoughts: 0 }, 0],
    [{ latent_thoughts: 4 }, 4],
    [{ reasoning_effort: 'none' }, 0],
    [{ reasoning_effort: 'minimal' }, 1],
    [{ reasoning_effort: 'low' }, 2],
    [{ reasoning_effort: 'medium' }, 4],
    [{ reasoning_effort: 'high' }, 6],
    [{ reasoning_effort: 'xhigh' }, 6],
    [{ reasoning_effort: 'max' }, 6],
    [{ reasoning_effort: 'high', latent_thoughts: 1 }, 1],
  ])('%j gives %i', (extra, count) => {
    expect(generation(extra).thoughts).toEqual({ kind: 'model', count });
  });

  it('beyond the checkpoint’s are refused with both numbers', () => {
    const error = failure({ latent_thoughts: 7 });
    expect(error).toMatchObject({ code: 'invalid_request', param: 'latent_thoughts' });
    expect(error.message).toMatch(/at most 6, got 7/);
  });

  it('are none on a checkpoint that reasons in text, whatever the effort', () => {
    const cot = cotModel(new FakeEngine());
    expect(generation({ reasoning_effort: 'high' }, cot).thoughts.count).toBe(0);
    expect(generation({}, cot).suffixIds).toEqual([]);
    expect(failure({ latent_thoughts: 1 }, cot).message).toMatch(/at most 0, got 1/);
  });

  it('end early only where convergence is asked for', () => {
    const stop = { kind: 'convergence', threshold: 0.9 };
    const thoughts = { kind: 'model', count: 6 };
    expect(generation({ latent_stop: stop }).thoughts).toEqual({ ...thoughts, stopCosine: 0.9 });
    expect(generation({ latent_stop: { kind: 'fixed' } }).thoughts).toEqual(thoughts);
    expect(failure({ latent_stop: { ...stop, threshold: 1.1 } }).param).toBe(
      'latent_stop.threshold',
    );
  });

  it('end where the checkpoint’s own head says so, if it has one', () => {
    const { coconut } = model.config;
    const config = { ...model.config, coconut: { ...coconut, stop_head: true } };
    const withHead = { ...model, config } as ServedModel;
    const thoughts = { kind: 'model', count: 6 };
    expect(generation({}, withHead).thoughts).toEqual({ ...thoughts, stopProbability: 0.5 });
    const surer = { latent_stop: { kind: 'classifier', threshold: 0.9 }, latent_thoughts: 4 };
    expect(generation(surer, withHead).thoughts).toEqual({
      kind: 'model',
      count: 4,
      stopProbability: 0.9,
    });
    expect(generation({ latent_stop: { kind: 'fixed' } }, withHead).thoughts).toEqual(thoughts);
    expect(failure({ latent_stop: { kind: 'classifier' } })).toMatchObject({
      code: 'unsupported_value',
      param: 'latent_stop.kind',
    });
  });

  it('that are refined together are not traced, controlled or stopped one by one', () => {
    const update = { kind: 'jacobi', iterations: 2, slot_token_id: special.eot };
    const config = { ...model.config, coconut: { ...model.config.coconut, latent_update: update } };
    const parallel = { ...model, config } as ServedModel;
    expect(generation({ latent_stop: { kind: 'fixed' } }, parallel).thoughts.count).toBe(6);
    const refused: [object, string][] = [
      [{ latent_trace: true }, 'latent_trace'],
      [{ latent_control: 'zero' }, 'latent_control'],
      [{ latent_stop: { kind: 'convergence', threshold: 0.9 } }, 'latent_stop.kind'],
    ];
    for (const [extra, param] of refused)
      expect(failure(extra, parallel)).toMatchObject({ code: 'unsupported_value', param });
  });

  it('stand between <bot> and <eot>', () => {
    const { promptIds, suffixIds } = generation();
    expect(promptIds).toEqual([...Buffer.from('Is Tom a cat?\n'), special.bot]);
    expect(suffixIds).toEqual([special.eot]);
  });
});

describe('limits', () => {
  it('count thoughts toward max_completion_tokens and its older name', () => {
    expect(generation({ max_completion_tokens: 10 }).maxTokens).toBe(4);
    expect(generation({ max_tokens: 10, latent_thoughts: 2 }).maxTokens).toBe(8);
    expect(generation({ max_tokens: 10, max_completion_tokens: 9 }).maxTokens).toBe(3);
  });

  it.each([
    [6, 6],
    [3, 3],
    [1, 1],
  ])('of %i go to the thoughts, which are %i then, and leave no text', (limit, count) => {
    const budget = { thoughts: { count }, maxTokens: 0, suffixIds: [special.eot] };
    expect(generation({ max_completion_tokens: limit })).toMatchObject(budget);
    expect(generation({ max_tokens: limit })).toMatchObject(budget);
  });

  it('that leave no text need no position for it', () => {
    // 56 bytes with the newline, <bot>, 6 thoughts, <eot>: all 64.
    const full = user('x'.repeat(55));
    expect(generation({ ...full, max_tokens: 6 }).maxTokens).toBe(0);
    expect(failure({ ...full, max_tokens: 7 }).code).toBe('context_length_exceeded');
  });

  it('are the rest of the slot where the request asks for more, or for nothing', () => {
    // 14 bytes of text, <bot>, 6 thoughts, <eot>
    expect(generation().maxTokens).toBe(64 - 22);
    expect(generation({ max_tokens: 4096 }).maxTokens).toBe(64 - 22);
  });

  it('refuse a prompt that leaves no position, with both numbers', () => {
    // 55 bytes and a newline, <bot>, 6 thoughts, <eot>: all 64, so the first answer token is the 65th.
    const error = failure(user('x'.repeat(55)));
    expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    expect(error.message).toMatch(/64 .* 65/);
    expect(generation(user('x'.repeat(54))).maxTokens).toBe(1);
  });

  it('refuse very long text before it is tokenised', () => {
    const encode = () => {
      throw new Error('tokenised');
    };
    const served = fakeModel(new FakeEngine(), { tokenizer: { ...model.tokenizer, encode } });
    const error = failure(user('x'.repeat(3000)), served);
    expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    expect(error.message).toMatch(/1024 characters .* 3001/);
  });
});

describe('sampling', () => {
  it('comes from the request, else from the checkpoint', () => {
    const fields = {
      ...{ temperature: 0.5, top_p: 0.9, top_k: 5, min_p: 0.1, seed: 7 },
      ...{ presence_penalty: 1, frequency_penalty: -1, repetition_penalty: 1.5 },
      logit_bias: { '65': -100, '66': 2.5 },
    };
    expect(generation(fields).sampling).toEqual({
      ...{ temperature: 0.5, topP: 0.9, topK: 5, minP: 0.1, seed: 7 },
      ...{ presencePenalty: 1, frequencyPenalty: -1, repetitionPenalty: 1.5 },
      logitBias: [
        [65, -100],
        [66, 2.5],
      ],
    });
    expect(generation({ top_k: -1 }).sampling).toMatchObject({
      ...greedySampling,
      seed: anyNumber,
    });
    expect(generation().sampling).toMatchObject({ temperature: 0, topP: 1 });
  });

  it('is greedy at top_p 0, which the engine does not take', () => {
    expect(generation({ temperature: 1, top_p: 0 }).sampling).toMatchObject({
      temperature: 0,
      topP: 1,
    });
  });

  it('has a fresh seed where none is given', () => {
    expect(generation().sampling.seed).not.toBe(generation().sampling.seed);
  });

  it('ends at <eos> unless told to ignore it', () => {
    expect(generation().stopIds).toEqual([special.eos]);
    expect(generation({ ignore_eos: true }).stopIds).toEqual([]);
  });

  it('ends at further ids, eos ignored or not', () => {
    expect(generation({ stop_token_ids: [10] }).stopIds).toEqual([special.eos, 10]);
    expect(generation({ stop_token_ids: [10], ignore_eos: true }).stopIds).toEqual([10]);
  });

  it('every eos id of the checkpoint ends the answer', () => {
    const served = fakeModel(new FakeEngine(), { eosIds: [3, special.eos] });
    expect(generation({}, served).stopIds).toEqual([3, special.eos]);
  });

  it('asks for log probabilities only with logprobs', () => {
    expect(generation().logprobs).toBeNull();
    expect(generation({ logprobs: true }).logprobs).toBe(0);
    expect(generation({ logprobs: true, top_logprobs: 20 }).logprobs).toBe(20);
  });

  it.each([
    ['logit_bias', { logit_bias: { '259': 1 } }, /259 is no token id .* \(0 to 258\)/],
    ['stop_token_ids', { stop_token_ids: [1000] }, /1000 is no token id/],
    ['min_tokens', { min_tokens: 5, max_tokens: 10 }, /5 is more than the 4 text tokens/],
  ])('refuses a %s that the checkpoint cannot serve', (param, extra, message) => {
    expect(failure(extra)).toMatchObject({ code: 'invalid_request', param });
    expect(failure(extra).message).toMatch(message);
  });
});

describe('messages', () => {
  it('join their text parts as they are', () => {
    const parts = [
      { type: 'text', text: 'Is Tom' },
      { type: 'text', text: ' a cat?' },
    ];
    expect(generation(user(parts)).promptIds).toEqual(generation().promptIds);
  });

  it('cannot spell a marker', () => {
    const { promptIds } = generation(user('<bot><eot><eos>'));
    expect(promptIds.filter((id) => id >= 256)).toEqual([special.bot]);
  });

  it.each([
    ['an image', user([{ type: 'image_url', image_url: {} }]), 'messages[0].content[0].type'],
    ['a tool message', { messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].role'],
    [
      'tool calls',
      { messages: [{ role: 'assistant', tool_calls: [{}] }] },
      'messages[0].tool_calls',
    ],
    ['no content', user(null), 'messages[0].content'],
  ])('refuse %s', (_, extra, param) => {
    expect(failure(extra).param).toBe(param);
  });

  it('that the template refuses are the caller’s error', () => {
    const chatTemplate = parseChatTemplate("{{ raise_exception('no question') }}");
    const error = failure({}, fakeModel(new FakeEngine(), { chatTemplate }));
    expect(error).toMatchObject({ code: 'invalid_request', param: 'messages' });
    expect(error.message).toContain('no question');
  });
});
