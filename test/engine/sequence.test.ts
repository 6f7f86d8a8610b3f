import { describe, expect, it } from 'vitest';
import { type GenerationRequest, greedySampling } from '../../src/engine/messages.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { collect, makeRequest } from './requests.ts';

const hidden = (...values: number[]) =>
  ({ kind: 'hidden', hidden: Float32Array.from(values) }) as const;
/** Logits whose greedy token is `id`. */
const logits = (id: number) => {
  const values = new Float32Array(8);
  values[id] = 1;
  return { kind: 'logits', logits: values } as const;
};
const nothing = { kind: 'nothing' } as const;

const started = (overrides: Partial<GenerationRequest> = {}) => {
  const sequence = new Sequence(1, makeRequest(overrides), 0);
  sequence.start(0);
  return sequence;
};

describe('the layout', () => {
  it('without thoughts prefills the suffix with the prompt', () => {
    const sequence = started({ promptIds: [1, 2], suffixIds: [3] });
    expect(sequence.ready).toBe(3);
    expect(sequence.inputs(3)).toEqual([1, 2, 3]);
    expect(sequence.wants(2)).toBe('nothing');
    expect(sequence.wants(3)).toBe('logits');
  });

  it('feeds the state at <bot> as thought 1, each state as the next, and not the last', () => {
    const sequence = started({
      promptIds: [1, 2],
      thoughts: { kind: 'model', count: 2 },
      suffixIds: [3],
      returnThoughts: true,
      maxTokens: 1,
    });
    expect(sequence.wants(2)).toBe('hidden');
    expect(sequence.advance(2, hidden(0.1, 0.5), 0)).toEqual([{ kind: 'thought', index: 0 }]);
    expect(sequence.state).toMatchObject({ phase: 'thinking', thoughtsLeft: 2 });
    expect([sequence.ready, sequence.wants(1)]).toEqual([1, 'hidden']);
    expect(sequence.inputs(1)).toEqual([Float32Array.of(0.1, 0.5)]);
    sequence.advance(1, hidden(0.25, 2), 0);
    expect([sequence.ready, sequence.wants(2)]).toEqual([2, 'logits']);
    expect(sequence.inputs(2)).toEqual([Float32Array.of(0.25, 2), 3]);
    const [token, finished] = sequence.advance(2, logits(5), 0);
    expect(token).toMatchObject({ kind: 'token', tokenId: 5 });
    expect(finished).toMatchObject({
      reason: 'length',
      usage: { promptTokens: 3, thoughts: 2, answerTokens: 1 },
      thoughts: Float32Array.of(0.1, 0.5, 0.25, 2),
    });
  });

  it('ends with its last thought where it may have no text, whatever the grammar or the stop ids', () => {
    const sequence = started({
      promptIds: [1],
      thoughts: { kind: 'model', count: 1 },
      maxTokens: 0,
      stopIds: [5],
    });
    sequence.advance(1, hidden(0.5), 0);
    expect(sequence.advance(1, logits(5), 0)).toMatchObject([
      { kind: 'finished', reason: 'length', usage: { thoughts: 1, answerTokens: 0 } },
    ]);
  });

  it('feeds given thoughts with the prompt', () => {
    const vectors = Float32Array.of(1, 2, 3, 4);
    const sequence = started({
      promptIds: [1],
      thoughts: { kind: 'given', count: 2, vectors },
      suffixIds: [3],
      returnThoughts: true,
    });
    expect(sequence.inputs(4)).toEqual([1, Float32Array.of(1, 2), Float32Array.of(3, 4), 3]);
    expect(sequence.wants(4)).toBe('logits');
    expect(sequence.advance(4, logits(5), 0).map(({ kind }) => kind)).toEqual([
      'thought',
      'thought',
      'token',
    ]);
    expect(sequence.end('aborted', 0)).toMatchObject({ usage: { thoughts: 2 }, thoughts: vectors });
  });

  it('resumes a prompt where its last chunk ended', () => {
    const sequence = started({ promptIds: [1, 2, 3, 4, 5] });
    expect(sequence.advance(2, nothing, 0)).toEqual([]);
    expect(sequence.ready).toBe(3);
    expect(sequence.advance(2, nothing, 0)).toEqual([]);
    expect(sequence.inputs(1)).toEqual([5]);
    expect(sequence.wants(1)).toBe('logits');
  });
});

describe('the end', () => {
  it('comes with a stop id, which is not emitted', () => {
    const sequence = started({ promptIds: [1], stopIds: [6], maxTokens: 5 });
    const events = [...sequence.advance(1, logits(4), 0), ...sequence.advance(1, logits(6), 0)];
    const { tokens, finished } = collect(events);
    expect(tokens).toEqual([4]);
    expect(finished).toMatchObject({ reason: 'stop', usage: { answerTokens: 1 }, thoughts: null });
    expect(sequence.ready).toBe(0);
  });

  it('comes at maxTokens, before the last token is fed', () => {
    const sequence = started({ promptIds: [1], maxTokens: 2 });
    sequence.advance(1, logits(4), 0);
    expect(sequence.inputs(1)).toEqual([4]);
    expect(sequence.advance(1, logits(5), 0)).toMatchObject([
      { kind: 'token', tokenId: 5 },
      { kind: 'finished', reason: 'length' },
    ]);
  });
});

describe('the answer', () => {
  it('has no stop id before minTokens', () => {
    const sequence = started({ promptIds: [1], stopIds: [6], minTokens: 1, maxTokens: 5 });
    const events = [...sequence.advance(1, logits(6), 0), ...sequence.advance(1, logits(6), 0)];
    expect(collect(events).tokens).toEqual([0]);
  });

  it('is penalised for its own tokens, not for the prompt’s', () => {
    const sampling = { ...greedySampling, presencePenalty: 2 };
    const sequence = started({ promptIds: [5], maxTokens: 2, sampling });
    const events = [...sequence.advance(1, logits(5), 0), ...sequence.advance(1, logits(5), 0)];
    expect(collect(events).tokens).toEqual([5, 0]);
  });

  it('tells the log probabilities of the raw logits', () => {
    const sampling = { ...greedySampling, logitBias: [[3, 50] as const] };
    const sequence = started({ promptIds: [1], maxTokens: 1, sampling, logprobs: 1 });
    const [token] = sequence.advance(1, logits(5), 0);
    const norm = Math.log(7 + Math.E);
    expect(token).toEqual({
      kind: 'token',
      tokenId: 3,
      logprobs: {
        logprob: expect.closeTo(-norm, 6),
        top: [{ tokenId: 5, logprob: expect.closeTo(1 - norm, 6) }],
      },
    });
  });

  it('carries none unless asked', () => {
    const [token] = started({ promptIds: [1] }).advance(1, logits(5), 0);
    expect(token).toEqual({ kind: 'token', tokenId: 5, logprobs: null });
  });

  it('ends in an error where a logit is not finite', () => {
    const sequence = started({ promptIds: [1] });
    const bad = { kind: 'logits', logits: Float32Array.of(0, 1, Number.NaN) } as const;
    expect(() => sequence.advance(1, bad, 0)).toThrow('the logit of token 2 of 3 is NaN');
  });
});

describe('thoughts', () => {
  const thoughts = (rest: object) => ({ thoughts: { kind: 'model', count: 4, ...rest } }) as const;

  it('end early once two in a row point the same way, the last one fed as ever', () => {
    const sequence = started({ promptIds: [1], suffixIds: [3], ...thoughts({ stopCosine: 0.9 }) });
    sequence.advance(1, hidden(1, 0), 0);
    sequence.advance(1, hidden(0, 1), 0);
    expect(sequence.state).toMatchObject({ phase: 'thinking', thoughtsLeft: 3 });
    sequence.advance(1, hidden(0.1, 2), 0);
    expect(sequence.state).toMatchObject({ phase: 'thinking', thoughtsLeft: 1 });
    expect(sequence.inputs(sequence.ready)).toEqual([Float32Array.of(0.1, 2), 3]);
    expect(sequence.wants(2)).toBe('logits');
    sequence.advance(2, logits(5), 0);
    expect(sequence.end('aborted', 0)).toMatchObject({ usage: { thoughts: 3 } });
  });

  it('end early once the stop head is sure enough', () => {
    const stopping = thoughts({ stopProbability: 0.5 });
    const sequence = started({ promptIds: [1], suffixIds: [3], ...stopping });
    sequence.advance(1, { ...hidden(1, 0), stop: 0.4 }, 0);
    expect(sequence.state).toMatchObject({ phase: 'thinking', thoughtsLeft: 4 });
    sequence.advance(1, { ...hidden(0, 1), stop: 0.5 }, 0);
    expect(sequence.state).toMatchObject({ phase: 'thinking', thoughtsLeft: 1 });
    sequence.advance(2, logits(5), 0);
    expect(sequence.end('aborted', 0)).toMatchObject({ usage: { thoughts: 2 } });
  });

  it('are traced on request', () => {
    const sequence = started({ promptIds: [1], traceWords: 1, ...thoughts({}) });
    expect(sequence.wants(1)).toBe('traced');
    const traced = (id: number, ...values: number[]) =>
      ({ ...logits(id), kind: 'traced', hidden: Float32Array.from(values) }) as const;
    const probability = expect.closeTo(Math.E / (7 + Math.E), 6);
    expect(sequence.advance(1, traced(5, 3, 4), 0)).toEqual([
      {
        kind: 'thought',
        index: 0,
        trace: { words: [{ tokenId: 5, probability }], norm: 5, cosine: null },
      },
    ]);
    expect(sequence.advance(1, traced(2, -3, -4), 0)).toMatchObject([
      { index: 1, trace: { words: [{ tokenId: 2 }], norm: 5, cosine: expect.closeTo(-1, 6) } },
    ]);
  });

  it('are replaced by a control, which the trace and the answer’s thoughts do not show', () => {
    const values = [1, 2, 3, 4, 5, 6, 7, 8];
    const fed = (control: string) => {
      const sequence = started({ promptIds: [1], ...thoughts({ control }) });
      sequence.advance(1, hidden(...values), 0);
      return [...(sequence.inputs(1)[0] as Float32Array)];
    };
    expect(fed('zero')).toEqual(Array(8).fill(0));
    expect(fed('shuffle')).not.toEqual(values);
    expect(fed('shuffle').toSorted()).toEqual(values);
    const noise = fed('noise');
    expect(Math.hypot(...noise)).toBeCloseTo(Math.hypot(...values), 4);
    expect(noise.filter((value) => value > 0).length).toBeLessThan(8);
  });

  it('of a leader are a follower’s, with its time', () => {
    const request = makeRequest({
      promptIds: [1],
      ...thoughts({ count: 1 }),
      maxTokens: 1,
      sampling: { ...greedySampling, temperature: 1 },
    });
    const [leader, follower] = [new Sequence(7, request, 0), new Sequence(8, request, 0, 7)];
    leader.start(10);
    follower.follow(10);
    expect(follower.ready).toBe(0);
    leader.advance(1, hidden(1, 2), 15);
    const last = leader.advance(1, logits(1), 40).at(-1);
    const events = follower.join(leader, logits(1).logits, 40);
    expect(events.map(({ kind }) => kind)).toEqual(['thought', 'token', 'finished']);
    expect(events.at(-1)).toEqual(last);
    expect(last).toMatchObject({ timings: { queueMs: 10, prefillMs: 5, latentMs: 25 } });
  });
});

describe('thoughts refined together', () => {
  const refining = (iterations: number) => {
    const request = makeRequest({
      promptIds: [1, 2],
      thoughts: { kind: 'model', count: 3 },
      suffixIds: [3],
      maxTokens: 1,
      returnThoughts: true,
    });
    const sequence = new Sequence(1, request, 0, 1, { iterations, slotId: 9 });
    sequence.start(0);
    expect(sequence.wants(2)).toBe('hidden');
    expect(sequence.advance(2, hidden(1, 1), 0)).toEqual([]);
    return sequence;
  };
  const swept = (...states: number[][]) =>
    ({ kind: 'swept', states: states.map((state) => Float32Array.from(state)) }) as const;

  it('are looked at once less than they are passed through, then fed with the suffix', () => {
    const sequence = refining(2);
    expect([sequence.ready, sequence.wants(3)]).toEqual([3, 'swept']);
    expect(sequence.inputs(3)).toEqual([Float32Array.of(1, 1), 9, 9]);
    expect(sequence.advance(3, swept([2, 2], [3, 3], [4, 4]), 0)).toEqual([]);
    expect([sequence.ready, sequence.wants(4)]).toEqual([4, 'logits']);
    const fed = [Float32Array.of(1, 1), Float32Array.of(2, 2), Float32Array.of(3, 3), 3];
    expect(sequence.inputs(4)).toEqual(fed);
    const { thoughtEvents, finished } = collect(sequence.advance(4, logits(5), 0));
    expect(thoughtEvents).toEqual([0, 1, 2]);
    expect(finished).toMatchObject({
      usage: { thoughts: 3 },
      thoughts: Float32Array.of(1, 1, 2, 2, 3, 3),
    });
    expect(sequence.fed).toEqual([1, 2, ...fed]);
  });

  it('need no more looks than there are thoughts', () => {
    expect(refining(9).state).toMatchObject({ phase: 'refining', sweepsLeft: 2 });
    expect(refining(1).state).toMatchObject({ phase: 'refining', sweepsLeft: 0 });
  });

  it('end where a state is not finite', () => {
    const bad = swept([2, 2], [3, Number.NaN], [4, 4]);
    expect(() => refining(2).advance(3, bad, 0)).toThrow('thought 2 is not finite in a sweep');
  });
});

describe('timings', () => {
  it('give each phase the time until the next', () => {
    const thoughts = { kind: 'model', count: 2 } as const;
    const sequence = new Sequence(
      1,
      makeRequest({ promptIds: [1, 2], thoughts, maxTokens: 3 }),
      100,
    );
    sequence.start(107);
    sequence.advance(1, nothing, 110);
    sequence.advance(1, hidden(1), 120);
    sequence.advance(1, hidden(1), 150);
    sequence.advance(1, logits(1), 160);
    sequence.advance(1, logits(1), 200);
    const last = sequence.advance(1, logits(1), 300).at(-1);
    expect(last).toMatchObject({
      timings: { queueMs: 7, prefillMs: 13, latentMs: 40, decodeMs: 140 },
    });
  });
});

describe('numbers that are not finite', () => {
  it('end a thought with its place', () => {
    const sequence = started({ promptIds: [1], thoughts: { kind: 'model', count: 2 } });
    expect(() => sequence.advance(1, hidden(1, Number.NaN), 0)).toThrow('thought 0 is NaN at 1');
  });
});
