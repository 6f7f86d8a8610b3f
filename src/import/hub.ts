// A model of the Hugging Face hub, by name, → a checkpoint directory in a cache. Only formats that run
// no code when they are read are fetched, and every file is checked against the hub's hash of it.
import { createHash } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  downloadFile,
  HubApiError,
  type ListFileEntry,
  listFiles,
  modelInfo,
} from '@huggingface/hub';
import { replaceFile } from '../model/atomic-write.ts';
import { writeCheckpoint } from '../model/checkpoint-writer.ts';
import type { HubName } from './hub-name.ts';
import { readHuggingFace } from './hugging-face.ts';

export type HubSettings = {
  /** Of the hub's API, e.g. https://huggingface.co */
  url: string;
  token: string | undefined;
  cacheDir: string;
  /** Told of what takes time, and of a copy that may be old. */
  onNotice: (message: string) => void;
};

/**
 * The directory of a checkpoint that can be served: the repository's own files where they are one, else
 * what they are imported to, once per commit. Without a connection, what an earlier call fetched.
 * Throws an Error that names the model: unknown, unreachable, of no format that is read, or damaged.
 */
export async function fetchCheckpoint(name: HubName, settings: HubSettings): Promise<string> {
  const folder = join(settings.cacheDir, name.id.replace('/', '--'));
  const commit = await commitOf(name, folder, settings);
  const files = join(folder, commit);
  if (!existsSync(files)) await fetchFiles(name, commit, files, settings);
  if (existsSync(join(files, 'training.json'))) return files;
  const imported = `${files}.imported`;
  if (!existsSync(imported)) writeCheckpoint(imported, readHuggingFace(files, { thoughts: null }));
  return imported;
}

async function commitOf(name: HubName, folder: string, settings: HubSettings): Promise<string> {
  const isCommit = /^[0-9a-f]{40}$/.test(name.revision);
  if (isCommit && existsSync(join(folder, name.revision))) return name.revision;
  const remembered = join(folder, `ref-${encodeURIComponent(name.revision)}`);
  try {
    const query = { ...apiOf(settings), name: name.id, revision: name.revision };
    const { sha } = await modelInfo({ ...query, additionalFields: ['sha'] });
    if (!/^[0-9a-f]{40}$/.test(sha)) throw new Error(`"${sha}" is no commit`);
    mkdirSync(folder, { recursive: true });
    replaceFile(remembered, sha);
    return sha;
  } catch (cause) {
    const known = existsSync(remembered) ? readFileSync(remembered, 'utf8') : null;
    if (cause instanceof HubApiError || known === null || !existsSync(join(folder, known))) {
      throw hubError(name, settings, cause);
    }
    settings.onNotice(`${name.id}: ${settings.url} is out of reach, serving the copy of ${known}`);
    return known;
  }
}

async function fetchFiles(
  name: HubName,
  commit: string,
  target: string,
  settings: HubSettings,
): Promise<void> {
  const repo = { type: 'model', name: name.id } as const;
  const source = { ...apiOf(settings), repo, revision: commit };
  const partial = `${target}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  try {
    const wanted: ListFileEntry[] = [];
    for await (const entry of listFiles(source)) if (isWanted(entry)) wanted.push(entry);
    if (!wanted.some(({ path }) => path.endsWith('.safetensors'))) {
      throw new Error('it has no model.safetensors, and no other format of weights is fetched');
    }
    for (const entry of wanted) {
      settings.onNotice(`${name.id}: fetching ${entry.path}, ${entry.size} bytes`);
      const blob = await downloadFile({ ...source, path: entry.path });
      if (!blob) throw new Error(`${entry.path} is listed but not there`);
      await saveChecked(blob, entry, join(partial, entry.path));
    }
  } catch (cause) {
    rmSync(partial, { recursive: true, force: true });
    throw hubError(name, settings, cause);
  }
  renameSync(partial, target);
}

/** No pickles, no code, no folders: a name that is listed here cannot lead out of the cache. */
const wantedNames =
  /^(model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json|(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|training|eval)\.json|merges\.txt|chat_template\.jinja)$/;

function isWanted({ type, path }: ListFileEntry): boolean {
  return type === 'file' && wantedNames.test(path);
}

/** Large files are known by their sha256, small ones as git knows them. */
async function saveChecked(blob: Blob, { path, size, oid, lfs }: ListFileEntry, to: string) {
  const hash = lfs ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
  const hashed = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(Readable.fromWeb(blob.stream()), hashed, createWriteStream(to));
  const [found, expected] = [hash.digest('hex'), lfs ? lfs.oid : oid];
  if (found !== expected) throw new Error(`${path} has hash ${found}, the hub says ${expected}`);
}

function apiOf({ url, token }: HubSettings) {
  return { hubUrl: url, ...(token === undefined ? {} : { accessToken: token }) };
}

function hubError({ id, revision }: HubName, { url, cacheDir }: HubSettings, cause: unknown) {
  const model = `model ${id}@${revision}`;
  if (cause instanceof HubApiError) {
    const hint = [401, 403, 404].includes(cause.statusCode)
      ? ' (a private or gated model needs HF_TOKEN)'
      : '';
    return new Error(`${model}: ${url} answers ${cause.statusCode}${hint}`, { cause });
  }
  // fetch() hides why it failed in a cause of its own.
  const { message, cause: inner } = cause as Error;
  if (message === 'fetch failed') {
    const why = (inner as { code?: string } | undefined)?.code ?? message;
    return new Error(`${model}: ${url} is out of reach (${why}) and ${cacheDir} has no copy`, {
      cause,
    });
  }
  return new Error(`${model}: ${message}`, { cause });
}
