// What MODEL or MODEL_DIR names beyond the folder of checkpoints: a checkpoint's own path, or a model of
// the Hugging Face hub, which is fetched.
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Config } from './config.ts';
import { parseHubName } from './import/hub-name.ts';
import type { Log } from './log.ts';

/** `alone`: MODEL_DIR is this model, there is no folder beside it. */
export type NamedModel = { id: string; dir: string; alone: boolean };

/** null where MODEL is absent or the id of a checkpoint in MODEL_DIR. Throws as fetchCheckpoint does. */
export async function findNamedModel(config: Config, log: Log): Promise<NamedModel | null> {
  const { model, modelDir } = config;
  if (!existsSync(modelDir)) return named(modelDir, true, config, log);
  if (model === undefined || existsSync(join(modelDir, model, 'config.json'))) return null;
  return named(model, false, config, log);
}

async function named(
  name: string,
  alone: boolean,
  { hub }: Config,
  log: Log,
): Promise<NamedModel | null> {
  if (existsSync(join(name, 'config.json'))) {
    return { id: basename(resolve(name)), dir: name, alone };
  }
  const hubName = parseHubName(name);
  if (hubName === null) return null;
  const onNotice = (message: string) => log.info({ model: hubName.id }, message);
  // Who names no model of the hub does not wait for its client to load.
  const { fetchCheckpoint } = await import('./import/hub.ts');
  const dir = await fetchCheckpoint(hubName, { ...hub, onNotice });
  return { id: hubName.id, dir, alone };
}
