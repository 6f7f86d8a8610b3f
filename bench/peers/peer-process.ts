// Child process of bench:peers: one side, loaded once, then timed job by job as the parent asks.
// Started by side-process.ts with the side as its only argument.
import type { FromPeer, Job, OnOutput, Peer, Side, Timing } from './peer.ts';

const starts: Record<Side['program'], (side: Side) => Promise<Peer>> = {
  // Imported only where chosen: each brings natives of its own, and the peers may not be installed.
  'coconut-serve': async (side) => (await import('./coconut.ts')).startCoconut(side),
  'transformers.js': async (side) =>
    (await import('./transformers-js.ts')).startTransformersJs(side),
  'node-llama-cpp': async (side) => (await import('./llama-cpp.ts')).startLlamaCpp(side),
};

const send = (message: FromPeer) => process.send?.(message);

async function time(peer: Peer, { output, prompts, count }: Job): Promise<Timing> {
  const rows = () => prompts.map((): number[] => []);
  const timing: Timing = { ms: rows(), processorMs: rows(), ids: rows() };
  const start = performance.now();
  const record: OnOutput = (row, id) => {
    const { user, system } = process.cpuUsage();
    timing.ms[row]!.push(performance.now() - start);
    timing.processorMs[row]!.push((user + system) / 1000);
    timing.ids[row]!.push(id);
  };
  const run = output === 'tokens' ? peer.generate : peer.think;
  if (!run) throw new Error('this side has no thoughts');
  await run(prompts, count, record);
  const short = timing.ms.findIndex((row) => row.length !== count);
  if (short === -1) return timing;
  throw new Error(`row ${short} has ${timing.ms[short]!.length} of ${count} ${output}`);
}

async function main(): Promise<void> {
  const side = JSON.parse(process.argv[2]!) as Side;
  const peer = await starts[side.program](side);
  process.on('message', (job: Job) => {
    time(peer, job).then(
      (timing) => send({ kind: 'timing', timing }),
      (error: Error) => send({ kind: 'failed', message: String(error.stack) }),
    );
  });
  send({ kind: 'ready' });
}

main().catch((error: Error) => send({ kind: 'failed', message: String(error.stack) }));
