// The machine that figures belong to, and how busy it was.
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export type Machine = ReturnType<typeof machineNow>;

export function machineNow() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadAverage1m: loadavg()[0] ?? 0,
  };
}
