import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeAdapter } from '../src/model/adapter-files.ts';
import { readCheckpoint } from '../src/model/checkpoint.ts';
import { writeEvalReport } from '../src/model/checkpoint-writer.ts';
import { evalReportOf } from './support/eval-reports.ts';
import { servedBy } from './support/served.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { tinyAdapted, tinyAdapterWeights } from './support/tiny-adapter.ts';
import { writeTinyCheckpoint } from './support/tiny-model.ts';

function twoCheckpoints(): string {
  const dir = temporaryDirectory();
  writeTinyCheckpoint(join(dir, 'b-cot'), { seed: 1, method: 'cot' });
  writeTinyCheckpoint(join(dir, 'a-coconut'), { seed: 2, method: 'coconut' });
  return dir;
}

function read(environment: Record<string, string>) {
  const { models, exportInfo, metrics } = servedBy(environment);
  exportInfo();
  return { models, ids: models.map((model) => model.id), metrics };
}

describe('readServedCheckpoints', () => {
  it('serves a folder of checkpoints by name, or the one it is', () => {
    const dir = twoCheckpoints();
    expect(read({ MODEL_DIR: dir }).ids).toEqual(['a-coconut', 'b-cot']);
    expect(read({ MODEL_DIR: join(dir, 'b-cot') }).ids).toEqual(['b-cot']);
  });

  it('puts prosqa-coconut first where there is one', () => {
    const dir = twoCheckpoints();
    writeTinyCheckpoint(join(dir, 'prosqa-coconut'), { seed: 3, method: 'coconut' });
    expect(read({ MODEL_DIR: dir }).ids).toEqual(['prosqa-coconut', 'a-coconut', 'b-cot']);
    expect(read({ MODEL_DIR: dir, MODEL: 'b-cot' }).ids[0]).toBe('b-cot');
  });

  it('puts MODEL first', () => {
    expect(read({ MODEL_DIR: twoCheckpoints(), MODEL: 'b-cot' }).ids).toEqual([
      'b-cot',
      'a-coconut',
    ]);
  });

  it('serves one model per GPU', () => {
    const environment = { MODEL_DIR: twoCheckpoints(), MODEL: 'b-cot', DEVICE: 'webgpu' };
    expect(read(environment).ids).toEqual(['b-cot']);
    expect(read({ ...environment, DEVICE: 'cuda' }).ids).toEqual(['b-cot', 'a-coconut']);
  });

  it('says what there is when MODEL is not among it, or there is nothing', () => {
    const dir = twoCheckpoints();
    const absent = () => read({ MODEL_DIR: dir, MODEL: 'gpt-4' });
    expect(absent).toThrow(`${dir} holds a-coconut, b-cot; MODEL asks for gpt-4`);
    const empty = temporaryDirectory();
    expect(() => read({ MODEL_DIR: empty })).toThrow(`${empty} holds no checkpoint`);
  });

  it('leaves adapters alone, and says of one that is asked for what it is', () => {
    const dir = twoCheckpoints();
    const adapter = join(dir, 'adapters', 'tuned');
    const { config, base, lowRank } = tinyAdapted.gpt2;
    writeAdapter(
      adapter,
      {
        config,
        lowRank,
        base: { path: 'out/base', sha256: 'b'.repeat(64) },
        weights: tinyAdapterWeights(tinyAdapted.gpt2),
        training: {},
      },
      base,
    );
    expect(read({ MODEL_DIR: dir }).ids).toEqual(['a-coconut', 'b-cot']);
    expect(() => read({ MODEL_DIR: adapter })).toThrow(
      `${adapter}: an adapter, no checkpoint: npm run merge -- ${adapter} <checkpoint> makes one`,
    );
  });

  it('bounds a slot by the positions of the checkpoint', () => {
    const dir = twoCheckpoints();
    expect(read({ MODEL_DIR: dir }).models[0]?.slotCapacity).toBe(256);
    expect(read({ MODEL_DIR: dir, SLOT_CAPACITY: '32' }).models[0]?.slotCapacity).toBe(32);
  });

  it('have a fingerprint that changes with weights, their width and the device', () => {
    const dir = twoCheckpoints();
    const fingerprint = (environment = {}) =>
      read({ MODEL_DIR: dir, ...environment }).models.map((model) => model.systemFingerprint);
    const all = [
      ...fingerprint(),
      ...fingerprint({ WEIGHTS: 'int8' }),
      ...fingerprint({ WEIGHTS: 'int4' }),
      ...fingerprint({ DEVICE: 'cuda' }),
    ];
    expect(new Set(all).size).toBe(all.length);
    for (const one of all) expect(one).toMatch(/^fp_[0-9a-f]{10}$/);
    expect(fingerprint()).toEqual(all.slice(0, 2));
  });

  it('exports the measured baseline, and not the figures of other weights', async () => {
    const dir = twoCheckpoints();
    const checkpoint = readCheckpoint(join(dir, 'a-coconut'));
    const cot_baseline = {
      checkpoint: 'b-cot',
      checkpoint_sha256: 'e'.repeat(64),
      accuracy: 0.775,
      mean_text_tokens: 49.5,
      sd_text_tokens: 2,
      items: 300,
    };
    writeEvalReport(checkpoint, { ...evalReportOf(checkpoint.sha256), cot_baseline });
    const text = await read({ MODEL_DIR: dir }).metrics.registry.metrics();
    expect(text).toContain('coconut_baseline_tokens_mean{baseline="b-cot"} 49.5');
    const about = 'baseline="b-cot",model="a-coconut"';
    expect(text).toContain(`coconut_baseline_accuracy_ratio{${about},system="cot"} 0.775`);
    expect(text).toContain(`coconut_baseline_accuracy_ratio{${about},system="coconut"} 0.97`);
    expect(text).toContain(`coconut_baseline_accuracy_ratio{${about},system="zero-thoughts"} 0.5`);
    expect(text).toMatch(/coconut_baseline_info\{[^}]*method="measured"/);
    expect(text).toMatch(/coconut_model_info\{model="a-coconut",[^}]*quantization="fp32"/);
    writeTinyCheckpoint(join(dir, 'a-coconut'), {
      seed: 3,
      method: 'coconut',
      evalReport: { ...evalReportOf(checkpoint.sha256), cot_baseline },
    });
    const { models, metrics } = read({ MODEL_DIR: dir });
    expect(models[0]?.evalReport).toBeNull();
    expect(await metrics.registry.metrics()).not.toContain('coconut_baseline_info{');
  });
});
