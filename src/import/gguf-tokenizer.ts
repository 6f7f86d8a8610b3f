// The tokenizer inside a GGUF file → tokenizer.json. Byte-level BPE only; the file names its
// pre-tokeniser, and each name is one row here.
import { z } from 'zod';
import { addedToken, byteLevel, byteLevelBpe } from '../model/byte-level-bpe.ts';

const tokenId = z.number().int().min(0);
export const tokenizerFields = {
  'tokenizer.ggml.model': z.literal('gpt2'),
  'tokenizer.ggml.pre': z.enum(['gpt-2', 'smollm', 'llama-bpe']),
  'tokenizer.ggml.tokens': z.array(z.string()).min(1),
  'tokenizer.ggml.token_type': z.array(z.number()),
  'tokenizer.ggml.merges': z.array(z.string()),
  'tokenizer.ggml.bos_token_id': tokenId.optional(),
  'tokenizer.ggml.eos_token_id': tokenId,
  /** Ends a turn, where that is another token than the one that ends a text. */
  'tokenizer.ggml.eot_token_id': tokenId.optional(),
  'tokenizer.ggml.add_bos_token': z.boolean().optional(),
};
const fieldsSchema = z.object(tokenizerFields);
type TokenizerFields = z.output<typeof fieldsSchema>;

/** Llama 3's pattern, as its tokenizer.json has it. */
const llama3Words =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const preTokenizers: Record<TokenizerFields['tokenizer.ggml.pre'], object> = {
  'gpt-2': byteLevel,
  smollm: {
    type: 'Sequence',
    pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel],
  },
  'llama-bpe': {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: llama3Words }, behavior: 'Isolated', invert: false },
      { ...byteLevel, use_regex: false },
    ],
  },
};

/** llama.cpp's types of tokens: control is never text, user-defined is matched whole. */
const [CONTROL, USER_DEFINED] = [3, 4];

export function toTokenizerJson(metadata: TokenizerFields): object {
  const tokens = metadata['tokenizer.ggml.tokens'];
  const types = metadata['tokenizer.ggml.token_type'];
  const added = tokens.flatMap((content, id) => {
    const type = types[id];
    if (type !== CONTROL && type !== USER_DEFINED) return [];
    return [addedToken(id, content, type === CONTROL)];
  });
  const json = byteLevelBpe({
    vocab: tokens.map((token, id) => [token, id] as const),
    merges: metadata['tokenizer.ggml.merges'],
    added,
    preTokenizer: preTokenizers[metadata['tokenizer.ggml.pre']],
  });
  // Llama 3 takes a word that is a token as it is, whatever its merges would make of it.
  const ignore_merges = metadata['tokenizer.ggml.pre'] === 'llama-bpe';
  return { ...json, model: { ...json.model, ignore_merges } };
}
