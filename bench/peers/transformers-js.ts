// transformers.js: its own generate() over a decoder of decoder-onnx.ts.
import { basename, dirname } from 'node:path';
import { AutoModelForCausalLM, BaseStreamer, env, Tensor } from '@huggingface/transformers';
import type { OnOutput, Peer, Side } from './peer.ts';

export async function startTransformersJs({ model: dir, threads }: Side): Promise<Peer> {
  env.allowRemoteModels = false;
  env.localModelPath = dirname(dir);
  const model = await AutoModelForCausalLM.from_pretrained(basename(dir), {
    dtype: 'fp32',
    device: 'cpu',
    session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
  });
  return {
    async generate(prompts, count, onOutput) {
      const ids = BigInt64Array.from(prompts.flat(), BigInt);
      const inputs = new Tensor('int64', ids, [prompts.length, prompts[0]!.length]);
      const streamer = new RowStreamer(onOutput);
      await model.generate({ inputs, max_new_tokens: count, do_sample: false, streamer });
    },
  };
}

/** The first call brings the prompts, each later one a token per row. */
class RowStreamer extends BaseStreamer {
  readonly #onOutput: OnOutput;
  #hasPrompts = false;

  constructor(onOutput: OnOutput) {
    super();
    this.#onOutput = onOutput;
  }

  override put(rows: bigint[][]): void {
    const generated = this.#hasPrompts ? rows : [];
    for (const [row, ids] of generated.entries()) this.#onOutput(row, Number(ids.at(-1)));
    this.#hasPrompts = true;
  }

  override end(): void {}
}
