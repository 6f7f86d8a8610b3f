// node-llama-cpp: llama.cpp's prebuilt CPU library, a context sequence per row.
import { getLlama } from 'node-llama-cpp';
import type { Peer, Side } from './peer.ts';

export async function startLlamaCpp({ model: modelPath, threads }: Side): Promise<Peer> {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    maxThreads: threads,
    logLevel: 'error',
    progressLogs: false,
  });
  const model = await llama.loadModel({ modelPath });
  return {
    async generate(prompts, count, onOutput) {
      // One of the job's own size: a wider one would cost it memory traffic.
      const context = await model.createContext({
        sequences: prompts.length,
        contextSize: prompts[0]!.length + count,
        batchSize: 512,
        threads: { ideal: threads, min: threads },
      });
      const sequences = prompts.map(() => context.getSequence());
      const continueRow = async (prompt: number[], row: number) => {
        let left = count;
        const options = { temperature: 0, yieldEogToken: true };
        for await (const id of sequences[row]!.evaluate(prompt, options)) {
          onOutput(row, id);
          if (--left === 0) break;
        }
      };
      await Promise.all(prompts.map(continueRow));
      await context.dispose();
    },
  };
}
