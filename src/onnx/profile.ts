// What ONNX Runtime's own profile tells of the nodes that ran: operator, provider, time.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

export type NodeRun = {
  operator: string;
  /** As the runtime calls it, e.g. CPUExecutionProvider. */
  provider: string;
  micros: number;
};

const eventSchema = z.looseObject({
  cat: z.string(),
  name: z.string(),
  dur: z.number().default(0),
  args: z
    .looseObject({
      op_name: z.string().default('unknown'),
      provider: z.string().default('unknown'),
    })
    .prefault({}),
});

/**
 * Every node in the order in which it ran, as often as it did.
 * @param run makes one session with this profilePrefix, runs it, and ends its profiling
 */
export async function profiledNodes(
  run: (profilePrefix: string) => Promise<void>,
): Promise<NodeRun[]> {
  const folder = mkdtempSync(join(tmpdir(), 'profile-'));
  try {
    await run(join(folder, 'profile'));
    return readNodes(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readNodes(profile: string): NodeRun[] {
  const events = z.array(eventSchema).parse(JSON.parse(profile));
  return events
    .filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'))
    .map(({ dur, args }) => ({ operator: args.op_name, provider: args.provider, micros: dur }));
}
