// MODEL and MODEL_DIR as more than a folder and an id: a path, and a model of the hub.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { findNamedModel } from '../src/named-model.ts';
import { filesOf, startHub } from './support/hub-standin.ts';
import { servedBy } from './support/served.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { writeTinyCheckpoint } from './support/tiny-model.ts';

function tiny(name: string): string {
  const dir = join(temporaryDirectory(), name);
  writeTinyCheckpoint(dir, { seed: 1, method: 'cot' });
  return dir;
}

async function servedIds(environment: Record<string, string>): Promise<string[]> {
  const whole = { HUB_CACHE_DIR: temporaryDirectory(), ...environment };
  const named = await findNamedModel(readConfig(whole), createLog('silent'));
  return servedBy(whole, named).models.map(({ id }) => id);
}

describe('findNamedModel', () => {
  it('leaves ids of the folder alone', async () => {
    const folder = join(tiny('b'), '..');
    writeTinyCheckpoint(join(folder, 'a'), { seed: 1, method: 'cot' });
    expect(await servedIds({ MODEL_DIR: folder, MODEL: 'b' })).toEqual(['b', 'a']);
    expect(await servedIds({ MODEL_DIR: join(folder, 'a'), MODEL: 'a' })).toEqual(['a']);
  });

  it('serves a checkpoint by its path, before those of the folder', async () => {
    const folder = join(tiny('listed'), '..');
    expect(await servedIds({ MODEL_DIR: folder, MODEL: tiny('elsewhere') })).toEqual([
      'elsewhere',
      'listed',
    ]);
  });

  it('serves a model of the hub under its name, beside the folder or alone', async () => {
    const hub = await startHub('some/model', filesOf(tiny('any')));
    const folder = join(tiny('listed'), '..');
    const environment = { MODEL_DIR: folder, MODEL: 'some/model', HF_ENDPOINT: hub.url };
    expect(await servedIds(environment)).toEqual(['some/model', 'listed']);
    const alone = { MODEL_DIR: 'some/model@main', HF_ENDPOINT: hub.url };
    expect(await servedIds(alone)).toEqual(['some/model']);
  });

  it('says that a name is neither', async () => {
    const folder = join(tiny('listed'), '..');
    await expect(servedIds({ MODEL_DIR: folder, MODEL: 'gpt-4' })).rejects.toThrow(
      `${folder} holds listed; MODEL asks for gpt-4`,
    );
  });
});
