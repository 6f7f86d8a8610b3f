// The checkpoints of an environment with their engines, as main.ts has them before it listens.
import { CheckpointEngines } from '../../src/checkpoint-engines.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { NamedModel } from '../../src/named-model.ts';
import { listCheckpoints, readServedCheckpoints } from '../../src/served-checkpoints.ts';

/** No engine runs before a model is first asked for it. */
export function servedBy(environment: Record<string, string>, named: NamedModel | null = null) {
  const config = readConfig(environment);
  const deps = { config, metrics: createMetrics(), log: createLog('silent') };
  const engines = new CheckpointEngines(deps);
  const listed = listCheckpoints(config, named);
  return { ...deps, engines, ...readServedCheckpoints(deps, listed, engines) };
}
