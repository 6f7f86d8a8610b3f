// Where a decode step's time goes, by the runtime's own profile.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readModelFiles } from '../../src/model/checkpoint.ts';
import { servingModel, type WeightFormat } from '../../src/model/serving-model.ts';
import { createSession } from '../../src/onnx/session.ts';
import { median } from '../../src/training/statistics.ts';
import { stepFeeds } from '../step-feeds.ts';

const kinds = ['products with weights', 'lm_head', 'attention', 'everything else'] as const;
type Kind = (typeof kinds)[number];

export type StepProfile = {
  width: WeightFormat;
  batch: number;
  /** Of all operators together, without the calls around them. */
  ms: number;
  share: Record<Kind, number>;
};

type ProfileEvent = {
  cat: string;
  name: string;
  dur: number;
  args: { op_name?: string; input_type_shape?: Record<string, number[]>[] };
};

const runs = 10;

/** Of `batch` sequences with 128 positions behind them; each operator's median over the runs. */
export async function profileStep(
  checkpointDir: string,
  width: WeightFormat,
  batch: number,
  threads: number,
): Promise<StepProfile> {
  const { graph, bytes, weightsDir } = servingModel(readModelFiles(checkpointDir), width);
  const dir = mkdtempSync(join(tmpdir(), 'coconut-profile-'));
  try {
    const profilePrefix = join(dir, 'step');
    const session = await createSession(graph, bytes, { threads, weightsDir, profilePrefix });
    const feeds = stepFeeds(graph, { B: batch, T: 1, S: 128 });
    for (let run = 0; run < runs; run++) await session.run(feeds);
    session.endProfiling();
    await session.release();
    const events = JSON.parse(readFileSync(join(dir, readdirSync(dir)[0]!), 'utf8'));
    return { width, batch, ...sharesOf(events as ProfileEvent[]) };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

export function sharesOf(events: readonly ProfileEvent[]): Pick<StepProfile, 'ms' | 'share'> {
  const byNode = new Map<string, { kind: Kind; microseconds: number[] }>();
  for (const event of events) {
    if (event.cat !== 'Node' || !event.name.endsWith('_kernel_time')) continue;
    const node = byNode.get(event.name) ?? { kind: kindOf(event), microseconds: [] };
    node.microseconds.push(event.dur);
    byNode.set(event.name, node);
  }
  const share = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>;
  for (const { kind, microseconds } of byNode.values()) share[kind] += median(microseconds);
  const total = Object.values(share).reduce((sum, part) => sum + part, 0);
  for (const kind of kinds) share[kind] /= total;
  return { ms: total / 1000, share };
}

/** Products in attention have four axes; the lm_head works on rows, the other weights on positions. */
function kindOf({ args: { op_name = '', input_type_shape = [] } }: ProfileEvent): Kind {
  const rank = Object.values(input_type_shape[0] ?? {})[0]?.length ?? 0;
  if (op_name === 'Softmax') return 'attention';
  if (!/MatMul|Gemm/.test(op_name)) return 'everything else';
  if (rank === 4) return 'attention';
  return rank === 2 ? 'lm_head' : 'products with weights';
}
