// What a run leaves on disk (out/<name>/): metrics.jsonl, the resume state, the checkpoint, and the adapter if it is one's. The state
// is replaced as a whole, so that a run killed at any moment goes on from the last one saved.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceDirectory, replaceFile, standingDirectory } from '../model/atomic-write.ts';
import { readHeader, readTensors, writeSafetensors } from '../model/safetensors.ts';
import type { Tensor } from '../onnx/session.ts';
import { segmentsBegun } from './schedule.ts';
import { parseTrainingConfig, type TrainingConfig } from './training-config.ts';
import type { DataHashes } from './training-data.ts';

/** Everything a run needs to go on exactly: batches and rates follow from the step's number. */
export type RunState = {
  /** Train steps done. */
  trainStep: number;
  /** Updates since the optimiser was last reset. */
  updates: number;
  examples: number;
  /** Seconds spent training, evaluation and saving included, over all sittings. */
  seconds: number;
};

export type SavedRun = { config: TrainingConfig; hashes: DataHashes; state: RunState };

export type MetricsLine = { trainStep: number; [key: string]: number | string };

export class RunDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
  }

  get checkpointPath(): string {
    return join(this.path, 'checkpoint');
  }

  get adapterPath(): string {
    return join(this.path, 'adapter');
  }

  appendMetrics(line: MetricsLine): void {
    appendFileSync(this.#metricsPath, `${JSON.stringify(line)}\n`);
  }

  /** @throws at a line that is none, but for a last one cut short */
  readMetrics(): MetricsLine[] {
    if (!existsSync(this.#metricsPath)) return [];
    const lines = readFileSync(this.#metricsPath, 'utf8').split('\n');
    return lines.flatMap((line, i) => {
      try {
        return [JSON.parse(line) as MetricsLine];
      } catch (error) {
        // The last line of a killed run may be cut short; of a whole file it is empty.
        if (i === lines.length - 1) return [];
        throw new Error(`${this.#metricsPath}: line ${i + 1}: ${(error as Error).message}`);
      }
    });
  }

  save({ config, hashes, state }: SavedRun, tensors: ReadonlyMap<string, Tensor>): void {
    replaceDirectory(this.#statePath, (dir) => {
      const shaped = new Map(
        [...tensors].map(([name, { data, dims }]) => [
          name,
          { shape: [...dims], data: data as Float32Array },
        ]),
      );
      writeSafetensors(join(dir, 'state.safetensors'), shaped, {});
      writeFileSync(join(dir, 'state.json'), JSON.stringify({ state, hashes, config }));
    });
  }

  /**
   * The saved state, or null in a fresh directory. Metrics written after it are dropped.
   * @throws when the directory belongs to a run with another config (names the keys that differ), or on other data
   */
  resume(
    config: TrainingConfig,
    hashes: DataHashes,
  ): { state: RunState; tensors: Map<string, Float32Array> } | null {
    const dir = standingDirectory(this.#statePath);
    if (!existsSync(dir)) {
      replaceFile(this.#metricsPath, '');
      return null;
    }
    const statePath = join(dir, 'state.json');
    const saved = JSON.parse(readFileSync(statePath, 'utf8')) as {
      state: RunState;
      config: unknown;
      hashes?: DataHashes;
    };
    // Parsed, so that a key added since the run began has its default on both sides.
    const savedConfig = parseTrainingConfig(statePath, saved.config);
    const differing = [
      ...differingKeys(savedConfig, config, saved.state.trainStep),
      // States from before hashes were kept go on with the files that are there.
      ...(saved.hashes ? changedFiles(saved.hashes, hashes) : []),
    ];
    if (differing.length > 0) {
      throw new Error(
        `${this.path} holds another run: ${differing.join(', ')} differ; choose another name or remove it`,
      );
    }
    const kept = this.readMetrics().filter((line) => line.trainStep <= saved.state.trainStep);
    replaceFile(this.#metricsPath, kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const path = join(dir, 'state.safetensors');
    return { state: saved.state, tensors: readTensors(path, readHeader(path)) };
  }

  get #metricsPath(): string {
    return join(this.path, 'metrics.jsonl');
  }

  get #statePath(): string {
    return join(this.path, 'state');
  }
}

const changedFiles = (saved: DataHashes, next: DataHashes): string[] =>
  (['validation', 'training', 'start'] as const)
    .filter((name) => saved[name] !== next[name])
    .map((name) => `the ${name} file (sha256 ${saved[name]}, now ${next[name]})`);

/**
 * Keys that change what is computed. How often to save and with how many threads (rounding) may change, and so may
 * the segments not yet begun: a finished run goes on when its run file is given more of them.
 */
function differingKeys(saved: TrainingConfig, next: TrainingConfig, trainStep: number): string[] {
  const free = new Set(['saveEverySteps', 'evaluateEverySteps', 'threads', 'segments']);
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const keys = Object.keys(next) as (keyof TrainingConfig)[];
  const differing: string[] = keys.filter((key) => !free.has(key) && !same(saved[key], next[key]));
  const begun = segmentsBegun(saved, trainStep);
  if (!same(saved.segments.slice(0, begun), next.segments.slice(0, begun)))
    differing.push(`segments (the first ${begun}, already begun)`);
  return differing;
}
