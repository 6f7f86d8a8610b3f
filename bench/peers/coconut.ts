// Our engine, behind the interface that routes use: its own worker thread, events per step.
import { startEngine } from '../../src/engine/engine.ts';
import { type GenerationRequest, greedySampling } from '../../src/engine/messages.ts';
import type { WeightFormat } from '../../src/model/serving-model.ts';
import type { OnOutput, Peer, Side } from './peer.ts';

/** The widest job, and the longest prompt with its answer. */
const slots = 64;
const slotCapacity = 576;

export async function startCoconut({ model, width, threads }: Side): Promise<Peer> {
  const weights = width as WeightFormat;
  const options = { checkpointDir: model, slots, slotCapacity, maxPrefillTokens: 512 };
  const engine = startEngine({ ...options, threads, weights }, { queueLimit: 0 });
  await engine.ready();
  const runAll = async (requests: readonly GenerationRequest[], onOutput: OnOutput) => {
    const wanted = requests[0]?.thoughts.count === 0 ? 'token' : 'thought';
    const streams = requests.map((request) => engine.submit(request));
    const read = async (stream: (typeof streams)[number], row: number) => {
      for await (const event of stream) {
        if (event.kind === 'finished' || event.kind !== wanted) continue;
        onOutput(row, event.kind === 'token' ? event.tokenId : event.index);
      }
    };
    await Promise.all(streams.map(read));
  };
  return {
    generate: (prompts, count, onOutput) =>
      runAll(
        prompts.map((ids) => request(ids, 0, count)),
        onOutput,
      ),
    think: (prompts, count, onOutput) =>
      runAll(
        prompts.map((ids) => request(ids, count, 1)),
        onOutput,
      ),
  };
}

function request(promptIds: number[], thoughts: number, maxTokens: number): GenerationRequest {
  return {
    promptIds,
    thoughts: { kind: 'model', count: thoughts },
    suffixIds: [],
    maxTokens,
    stopIds: [],
    minTokens: 0,
    sampling: greedySampling,
    logprobs: null,
    returnThoughts: false,
  };
}
