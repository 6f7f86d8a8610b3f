// The machine that figures belong to, and how busy it was.
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export type Machine = { cpu: string; cores: number; gigabytes: number; node: string; load: number };

export function machineNow(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown processor',
    cores: availableParallelism(),
    gigabytes: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    load: loadavg()[0] ?? 0,
  };
}
