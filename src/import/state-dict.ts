// The tensors of a Hugging Face directory (model.safetensors, or shards with an index) or of a state
// dict saved by facebookresearch/coconut, under the names of transformers' causal language models.
// Read one at a time: a model of many gigabytes is never in memory as a whole.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CheckpointError, readJson, within } from '../model/checkpoint-files.ts';
import { readHeader, readTensor } from '../model/safetensors.ts';

export type StateDict = {
  /** Saved by the reference's Coconut class, which wraps the language model. */
  isCoconut: boolean;
  has(name: string): boolean;
  /** Throws CheckpointError where there is no such tensor. */
  shapeOf(name: string): number[];
  /** Row-major; throws CheckpointError where it is missing or no float. */
  read(name: string): Float32Array;
};

const indexName = 'model.safetensors.index.json';
const indexSchema = z.looseObject({
  weight_map: z.record(
    z.string(),
    z.string().regex(/^[\w.-]+\.safetensors$/, 'names no .safetensors file beside it'),
  ),
});

/** Throws CheckpointError for a directory without safetensors, and for files that are damaged. */
export function openStateDict(dir: string): StateDict {
  const tensors = new Map<string, { path: string; name: string; shape: number[] }>();
  let isCoconut = false;
  for (const path of tensorFiles(dir)) {
    const header = within(path, () => readHeader(path));
    for (const [name, { shape }] of header.tensors) {
      isCoconut ||= coconutPrefix.test(name);
      const known = knownName(name);
      if (known !== null) tensors.set(known, { path, name, shape });
    }
  }
  const find = (name: string) => {
    const found = tensors.get(name);
    if (found) return found;
    throw new CheckpointError(dir, `tensor "${name}" is missing`);
  };
  return {
    isCoconut,
    has: (name) => tensors.has(name),
    shapeOf: (name) => find(name).shape,
    read(name) {
      const { path, name: stored } = find(name);
      return within(path, () => readTensor(path, readHeader(path), stored));
    },
  };
}

function tensorFiles(dir: string): string[] {
  const indexPath = join(dir, indexName);
  if (existsSync(indexPath)) {
    const files = Object.values(readJson(indexPath, indexSchema).weight_map);
    return [...new Set(files)].map((name) => join(dir, name));
  }
  const names = readdirSync(dir);
  const found = names.filter((name) => name.endsWith('.safetensors'));
  if (found.includes('model.safetensors')) return [join(dir, 'model.safetensors')];
  if (found.length === 1) return [join(dir, found[0]!)];
  const pickle = names.find((name) => /\.(bin|pt|pth|ckpt)$|^checkpoint_\d+$/.test(name));
  if (found.length === 0 && pickle !== undefined) {
    const reason =
      'a pickle can run code when it is read, so none is; turn it into safetensors with scripts/to_safetensors.py';
    throw new CheckpointError(join(dir, pickle), reason);
  }
  const reason = `${found.length} .safetensors files, no model.safetensors and no ${indexName}`;
  throw new CheckpointError(dir, reason);
}

/** DistributedDataParallel adds a prefix of its own. */
const coconutPrefix = /^(?:module\.)?base_causallm\./;

/**
 * null for what is no parameter: causal masks and rotation tables that old versions saved, and the
 * reference's second name for its input embedding.
 */
function knownName(name: string): string | null {
  const own = name.replace(/^module\./, '').replace(coconutPrefix, '');
  if (/\.attn\.(masked_)?bias$|rotary_emb\.inv_freq$|^embedding\.weight$/.test(own)) return null;
  // Saved from the model without its lm_head.
  if (/^(wte|wpe|h|ln_f)\./.test(own)) return `transformer.${own}`;
  if (/^(embed_tokens|layers|norm)\./.test(own)) return `model.${own}`;
  return own;
}
