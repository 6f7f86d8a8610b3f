// What a checkpoint would say after k thoughts, asked of the serving engine: <eot> is forced, a beginning is put into its
// mouth, and the probability of each name to follow is read off (Coconut, arXiv 2412.06769, section 5.2).
import type { Engine } from '../../engine/engine.ts';
import type { GenerationRequest, ThoughtTrace } from '../../engine/messages.ts';
import type { Checkpoint } from '../../model/checkpoint.ts';
import { questionRequest } from '../question-request.ts';

export type Thoughts = {
  traces: ThoughtTrace[];
  /** [K, D] */
  vectors: Float32Array;
};

/** The thoughts of one question, each with its `words` likeliest words under the LM head; none where they are refined together. */
export async function readThoughts(
  engine: Engine,
  checkpoint: Checkpoint,
  question: string,
  words: number,
): Promise<Thoughts> {
  const { default_thoughts: count, latent_update: update } = checkpoint.config.coconut;
  const request = requestFor(checkpoint, question, count, []);
  const traces: ThoughtTrace[] = [];
  for await (const event of engine.submit({
    ...request,
    ...(update.kind === 'sequential' && { traceWords: words }),
    returnThoughts: true,
  })) {
    if (event.kind === 'thought' && event.trace) traces.push(event.trace);
    if (event.kind === 'finished') return { traces, vectors: event.thoughts! };
  }
  throw new Error('the engine ended a request without a finished event');
}

/**
 * Probability of each of `names` after `thoughts` thoughts, <eot> and `beginning`: the product over the name's tokens.
 * Names share the requests for the tokens that they have in common.
 */
export async function nameProbabilities(
  engine: Engine,
  checkpoint: Checkpoint,
  question: string,
  { thoughts, beginning, names }: { thoughts: number; beginning: string; names: readonly string[] },
): Promise<number[]> {
  const { tokenizer } = checkpoint;
  const begun = tokenizer.encode(beginning);
  const asked = new Map<string, Promise<Map<number, number>>>();
  const next = (ids: readonly number[]) => {
    const key = ids.join();
    const request = requestFor(checkpoint, question, thoughts, [...begun, ...ids]);
    const known = asked.get(key) ?? nextToken(engine, request, tokenizer.vocabSize);
    asked.set(key, known);
    return known;
  };
  return Promise.all(
    names.map(async (name) => {
      const ids = tokenizer.encode(` ${name}`);
      const steps = ids.map(async (id, i) => (await next(ids.slice(0, i))).get(id)!);
      return (await Promise.all(steps)).reduce((product, p) => product * p, 1);
    }),
  );
}

/** Probability of every token. */
async function nextToken(
  engine: Engine,
  request: GenerationRequest,
  vocabSize: number,
): Promise<Map<number, number>> {
  for await (const event of engine.submit({ ...request, logprobs: vocabSize })) {
    if (event.kind !== 'token') continue;
    return new Map(event.logprobs!.top.map(({ tokenId, logprob }) => [tokenId, Math.exp(logprob)]));
  }
  throw new Error('the engine ended a request without a token');
}

/** One text token, whatever it is: no id ends the answer before it. */
function requestFor(
  checkpoint: Checkpoint,
  question: string,
  thoughts: number,
  saidIds: readonly number[],
): GenerationRequest {
  const place = { kind: 'question' } as const;
  const own = { kind: 'model', count: thoughts } as const;
  const request = questionRequest(checkpoint, question, own, place);
  return {
    ...request,
    suffixIds: [...request.suffixIds, ...saidIds],
    maxTokens: 1,
    stopIds: [],
  };
}
