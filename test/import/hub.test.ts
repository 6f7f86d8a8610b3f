// Models by their hub names, fetched from a stand-in: what comes, what never does, what is checked, and
// what happens without a connection.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fetchCheckpoint, type HubSettings } from '../../src/import/hub.ts';
import { parseHubName } from '../../src/import/hub-name.ts';
import { readCheckpoint } from '../../src/model/checkpoint.ts';
import { commit, filesOf, type Hub, type HubFiles, startHub } from '../support/hub-standin.ts';
import { goldenDirectory } from '../support/import-goldens.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../support/tiny-model.ts';

const main = { id: 'some/model', revision: 'main' };
const plain = filesOf(goldenDirectory('llama3'));

function settingsOf(hub: Hub): HubSettings & { notices: string[] } {
  const notices: string[] = [];
  const cacheDir = temporaryDirectory();
  const onNotice = (message: string) => void notices.push(message);
  return { url: hub.url, token: undefined, cacheDir, onNotice, notices };
}

const with_ = (files: HubFiles, more: Record<string, string>): HubFiles =>
  new Map([...files, ...Object.entries(more).map(([k, v]) => [k, Buffer.from(v)] as const)]);

describe('parseHubName', () => {
  it.each([
    ['owner/name', { id: 'owner/name', revision: 'main' }],
    ['Owner-1/na.me_2@v1.0', { id: 'Owner-1/na.me_2', revision: 'v1.0' }],
    ['owner/name@refs/pr/3', { id: 'owner/name', revision: 'refs/pr/3' }],
    ['name', null],
    ['a/b/c', null],
    ['../etc', null],
    ['a/..', null],
    ['/a/b', null],
    ['owner/name@../x', null],
  ])('%s', (text, name) => expect(parseHubName(text)).toEqual(name));
});

describe('fetchCheckpoint', () => {
  it('imports a plain directory, once', async () => {
    const hub = await startHub(main.id, plain);
    const settings = settingsOf(hub);
    const dir = await fetchCheckpoint(main, settings);
    expect(readCheckpoint(dir, main.id)).toMatchObject({ id: 'some/model', eosIds: [268, 267] });
    const before = hub.paths.length;
    expect(await fetchCheckpoint(main, settings)).toBe(dir);
    // What the branch points at, and nothing else.
    expect(hub.paths.slice(before)).toEqual(['/api/models/some/model/revision/main']);
    expect(await fetchCheckpoint({ ...main, revision: commit }, settings)).toBe(dir);
    expect(hub.paths).toHaveLength(before + 1);
  });

  it('takes a checkpoint of ours as it is', async () => {
    const source = join(temporaryDirectory(), 'tiny');
    writeTinyCheckpoint(source, { seed: 1, method: 'coconut' });
    const hub = await startHub(main.id, filesOf(source));
    const dir = await fetchCheckpoint(main, settingsOf(hub));
    expect(readCheckpoint(dir, main.id).sha256).toBe(readCheckpoint(source).sha256);
  });

  it('fetches no pickle, no code and nothing from folders', async () => {
    const unsafe = { 'pytorch_model.bin': 'x', 'modeling.py': 'x', 'onnx/config.json': '{}' };
    const hub = await startHub(main.id, with_(plain, unsafe));
    const settings = settingsOf(hub);
    await fetchCheckpoint(main, settings);
    const fetched = readdirSync(join(settings.cacheDir, 'some--model', commit));
    expect(fetched.sort()).toEqual([...plain.keys()].sort());
    expect(hub.paths.filter((path) => path.includes('pytorch_model'))).toEqual([]);
  });

  it('refuses a repository without safetensors', async () => {
    const hub = await startHub(main.id, new Map([['pytorch_model.bin', Buffer.from('x')]]));
    await expect(fetchCheckpoint(main, settingsOf(hub))).rejects.toThrow(
      'model some/model@main: it has no model.safetensors',
    );
  });

  it.each(['model-00001-of-00003.safetensors', 'tokenizer.json'])(
    'leaves nothing of a %s that is not what the hub hashed',
    async (name) => {
      const hub = await startHub(main.id, plain);
      const bad = Buffer.from(plain.get(name)!);
      bad[bad.length - 1]! ^= 1;
      hub.tamper.set(name, bad);
      const settings = settingsOf(hub);
      await expect(fetchCheckpoint(main, settings)).rejects.toThrow(
        new RegExp(`some/model@main: ${name} has hash [0-9a-f]+, the hub says [0-9a-f]+`),
      );
      expect(existsSync(join(settings.cacheDir, 'some--model', commit))).toBe(false);
      hub.tamper.clear();
      await fetchCheckpoint(main, settings);
    },
  );

  it('without a connection serves the copy, or says what is missing', async () => {
    const hub = await startHub(main.id, plain);
    const settings = settingsOf(hub);
    const dir = await fetchCheckpoint(main, settings);
    await hub.close();
    expect(await fetchCheckpoint(main, settings)).toBe(dir);
    expect(settings.notices.at(-1)).toContain('out of reach, serving the copy of');
    await expect(fetchCheckpoint({ ...main, id: 'other/model' }, settings)).rejects.toThrow(
      /model other\/model@main: http.* is out of reach \(ECONNREFUSED\) and .* has no copy/,
    );
  });

  it('names what the hub refuses, and sends the token', async () => {
    const hub = await startHub(main.id, plain, 'hf_secret');
    const settings = settingsOf(hub);
    await expect(fetchCheckpoint(main, settings)).rejects.toThrow(
      /some\/model@main: http.* answers 401 .*HF_TOKEN/,
    );
    const known = { ...settings, token: 'hf_secret' };
    await expect(fetchCheckpoint({ ...main, id: 'no/such' }, known)).rejects.toThrow(/answers 404/);
    await fetchCheckpoint(main, known);
  });
});
