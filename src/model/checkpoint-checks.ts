// Whether the parts of a checkpoint directory fit together: each throws a CheckpointError that names the file. Pure.
import { CheckpointError } from './checkpoint-files.ts';
import type { ModelConfig } from './model-config.ts';
import type { ParameterRow } from './parameters.ts';
import { floatDtypes, type SafetensorsHeader } from './safetensors-header.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Vocabulary and markers are those that config.json names. */
export function checkTokenizer(path: string, tokenizer: Tokenizer, config: ModelConfig): void {
  if (tokenizer.vocabSize !== config.vocab_size) {
    const reason = `${tokenizer.vocabSize} tokens, config.json says vocab_size ${config.vocab_size}`;
    throw new CheckpointError(path, reason);
  }
  const { bot_token_id, eot_token_id, pause_token_id } = config.coconut;
  const { bos_token_id, eos_token_id } = config;
  const markers = { bos_token_id, eos_token_id, bot_token_id, eot_token_id, pause_token_id };
  const holders = new Map<number, string>();
  for (const [name, id] of Object.entries(markers)) {
    if (id === null) continue;
    if (!tokenizer.isSpecial(id)) {
      const reason = `${name} ${id} of config.json is "${tokenizer.tokenOf(id)}", no special token`;
      throw new CheckpointError(path, reason);
    }
    const holder = holders.get(id);
    // GPT-2 itself ends and begins texts with one token; a marker shares its id with nothing.
    if (holder !== undefined && !(holder === 'bos_token_id' && name === 'eos_token_id')) {
      throw new CheckpointError(path, `${holder} and ${name} of config.json are both ${id}`);
    }
    holders.set(id, name);
  }
}

/** What ends a text is a special token, which no user can write. */
export function checkEosIds(path: string, tokenizer: Tokenizer, ids: readonly number[]): void {
  const plain = ids.find((id) => !tokenizer.isSpecial(id));
  if (plain === undefined) return;
  const reason = `eos_token_id ${plain} is "${tokenizer.tokenOf(plain)}", no special token`;
  throw new CheckpointError(path, reason);
}

/** The tensors are these parameters, which follow from the configuration, shape by shape, and no others. */
export function checkTensors(
  path: string,
  { tensors }: Pick<SafetensorsHeader, 'tensors'>,
  table: readonly ParameterRow[],
): void {
  const unexpected = new Set(tensors.keys());
  for (const { name, shape } of table) {
    const entry = tensors.get(name);
    if (entry === undefined) throw new CheckpointError(path, `tensor "${name}" is missing`);
    if (entry.shape.length !== shape.length || entry.shape.some((dim, i) => dim !== shape[i])) {
      const reason = `tensor "${name}" is [${entry.shape}], the configuration asks for [${shape}]`;
      throw new CheckpointError(path, reason);
    }
    if (!floatDtypes.includes(entry.dtype)) {
      throw new CheckpointError(path, `tensor "${name}" is ${entry.dtype}, none of ${floatDtypes}`);
    }
    unexpected.delete(name);
  }
  const [extra] = unexpected;
  if (extra !== undefined) {
    throw new CheckpointError(path, `tensor "${extra}" is none of the ${table.length} parameters`);
  }
}

/** No number is NaN or infinite. */
export function checkFinite(path: string, name: string, values: Float32Array): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index === -1) return;
  const reason = `tensor "${name}" is ${values[index]} at index ${index} of ${values.length}`;
  throw new CheckpointError(path, reason);
}
