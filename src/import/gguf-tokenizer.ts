// The tokenizer inside a GGUF file → tokenizer.json. Byte-level BPE only; the file names its
// pre-tokeniser, and each name is one row here.
import { z } from 'zod';
import { addedToken, byteLevel, byteLevelBpe } from '../model/byte-level-bpe.ts';

const tokenId = z.number().int().min(0);
export const tokenizerFields = {
  'tokenizer.ggml.model': z.literal('gpt2'),
  'tokenizer.ggml.pre': z.enum(['gpt-2', 'smollm']),
  'tokenizer.ggml.tokens': z.array(z.string()).min(1),
  'tokenizer.ggml.token_type': z.array(z.number()),
  'tokenizer.ggml.merges': z.array(z.string()),
  'tokenizer.ggml.bos_token_id': tokenId.optional(),
  'tokenizer.ggml.eos_token_id': tokenId,
};
const fieldsSchema = z.object(tokenizerFields);
type TokenizerFields = z.output<typeof fieldsSchema>;

const preTokenizers: Record<TokenizerFields['tokenizer.ggml.pre'], object> = {
  'gpt-2': byteLevel,
  smollm: {
    type: 'Sequence',
    pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel],
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
  return byteLevelBpe({
    vocab: tokens.map((token, id) => [token, id] as const),
    merges: metadata['tokenizer.ggml.merges'],
    added,
    preTokenizer: preTokenizers[metadata['tokenizer.ggml.pre']],
  });
}
