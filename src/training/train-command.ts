// `train`: run files → run directories, with a bar each on the terminal and validation through the serving engine.
import { join } from 'node:path';
import type { Device } from '../onnx/device.ts';
import { openAdapter } from '../onnx/device-memory.ts';
import { writeReport } from './report.ts';
import { trainMany } from './train-many.ts';
import { trainToEnd } from './train-run.ts';
import { parseTrainingConfig, readTrainingConfig, type TrainingConfig } from './training-config.ts';
import { untilStopped } from './until-stopped.ts';

type TrainCommandOptions = {
  out: string;
  seed?: number[];
  device: Device;
  allowSoftwareGpu?: boolean;
  atOnce: number;
};

export async function trainCommand(
  files: readonly string[],
  { out, seed, device, allowSoftwareGpu = false, atOnce }: TrainCommandOptions,
): Promise<void> {
  const configs = files
    .map(readTrainingConfig)
    .flatMap((read) => seed?.map((n) => withSeed(read, n)) ?? [read]);
  checkTogether(configs, device, atOnce);
  if (device === 'webgpu') {
    const { name } = await openAdapter(allowSoftwareGpu, 'pass --allow-software-gpu');
    console.log(`webgpu: ${name}`);
  }
  const runs = configs.map((config) => ({ config, path: join(out, config.name) }));
  const [run, ...others] = runs;
  if (others.length > 0) return trainMany(runs, { device, atOnce });
  const { config, path } = run!;
  const end = await untilStopped((stop) => trainToEnd(config, path, { device, stop }));
  if (end === 'finished') console.log(`curves: ${await writeReport(path)}`);
}

/** @throws where two runs would share a directory, or a device that has one queue would serve several threads */
function checkTogether(configs: readonly TrainingConfig[], device: Device, atOnce: number): void {
  const names = configs.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new Error(`two of the runs are called ${twice}`);
  if (device === 'webgpu' && atOnce > 1)
    throw new Error(`--at-once ${atOnce}: WebGPU computes one run at a time`);
}

/** The same run under another seed, with a directory of its own. */
export function withSeed(config: TrainingConfig, seed: number): TrainingConfig {
  return parseTrainingConfig('--seed', { ...config, seed, name: `${config.name}-seed${seed}` });
}
