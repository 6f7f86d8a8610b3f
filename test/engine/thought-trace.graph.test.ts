// Traces and controls over real tensors: what is told of a thought is the model's own, and what is
// fed in its place decides the answer.
import { describe, expect, it } from 'vitest';
import type { GenerationRequest, TokenEvent } from '../../src/engine/messages.ts';
import { dimensionsOf } from '../../src/model/model-config.ts';
import type { ThoughtControl } from '../../src/model/thought-control.ts';
import {
  asExpected,
  expectSame,
  short,
  type TensorModel,
  tensorModel,
  thinking,
  tinyModels,
} from './tensor-loop.ts';

const tracesOf = (events: readonly TokenEvent[]) =>
  events.flatMap((event) => (event.kind === 'thought' ? [event.trace] : []));

/** The LM head, by hand. */
function headLogits({ config, weights }: TensorModel, thought: Float32Array): number[] {
  const { width, vocab } = dimensionsOf(config);
  const words = weights.get('lm_head.weight') ?? weights.get('transformer.wte.weight')!;
  return Array.from({ length: vocab }, (_, id) =>
    thought.reduce((sum, value, d) => sum + value * words[id * width + d]!, 0),
  );
}

describe.each(tinyModels)('a trace of $architecture', ({ config }) => {
  const model = tensorModel(config);
  const { width } = dimensionsOf(config);

  it('changes nothing, and reads each thought through the LM head', async () => {
    const running = model.engine({ slots: 2 });
    running.submit(0, { ...thinking, traceWords: 3 });
    running.submit(1, short);
    await running.finish();
    const alone = await model.alone(thinking);
    expectSame(running.answerOf(0), asExpected(alone));
    const thoughts = alone.finished.thoughts as Float32Array;
    const traces = tracesOf(running.eventsOf(0));
    expect(traces).toHaveLength(3);
    traces.forEach((trace, k) => {
      const thought = thoughts.subarray(k * width, (k + 1) * width);
      expect(trace?.norm).toBeCloseTo(Math.hypot(...thought), 3);
      const logits = headLogits(model, thought);
      const best = logits.indexOf(Math.max(...logits));
      expect(trace?.words[0]?.tokenId).toBe(best);
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit - logits[best]!), 0);
      expect(trace?.words[0]?.probability).toBeCloseTo(1 / total, 4);
    });
  });

  it('comes with each choice of a request', async () => {
    const running = model.engine();
    running.submitChoices(0, 3, { ...thinking, traceWords: 2 });
    await running.finish();
    const expected = tracesOf(running.eventsOf(0));
    expect(expected.map((trace) => trace?.words.length)).toEqual([2, 2, 2]);
    for (const id of [1, 2]) expect(tracesOf(running.eventsOf(id))).toEqual(expected);
  });
});

describe.each(tinyModels)('a control of $architecture', ({ config }) => {
  const { alone } = tensorModel(config);
  const { count } = thinking.thoughts;
  const spoilt = (control: ThoughtControl, seed = 1): GenerationRequest => ({
    ...thinking,
    thoughts: { kind: 'model', count, control },
    sampling: { ...thinking.sampling, seed },
  });

  it('of zeros answers as zeros that are given do', async () => {
    const vectors = new Float32Array(count * dimensionsOf(config).width);
    const given = await alone({ ...thinking, thoughts: { kind: 'given', count, vectors } });
    const controlled = await alone(spoilt('zero'));
    expect(controlled.tokens).toEqual(given.tokens);
    expect(controlled.tokens).not.toEqual((await alone(thinking)).tokens);
    // What is told is what the model thought, not what it was fed.
    expect(controlled.finished.thoughts?.some((value) => value !== 0)).toBe(true);
  });

  it('that shuffles does so by the request’s seed', async () => {
    const shuffled = await alone(spoilt('shuffle'));
    expect(await alone(spoilt('shuffle'))).toEqual(shuffled);
    expect(shuffled.tokens).not.toEqual((await alone(thinking)).tokens);
    expect((await alone(spoilt('shuffle', 2))).tokens).not.toEqual(shuffled.tokens);
  });
});
