// Trains a small byte-level BPE on a list of words and writes it as the JSON of a Hugging Face tokenizer.json.
// For vocabularies of a few hundred tokens: every round recounts all pairs.
import { addedToken, byteLevelBpe } from '../model/byte-level-bpe.ts';
import { byteAlphabet } from '../model/tokenizer.ts';

export type BpeOptions = {
  /** Pre-tokens (GPT-2's, with their leading space) and how often each occurs. */
  wordCounts: ReadonlyMap<string, number>;
  /** Upper bound on bytes + merges; training ends earlier once every word is one token. */
  maxVocabSize: number;
  /** Take the ids after the last merge, in this order. */
  specialTokens: readonly string[];
};

/** tokenizer.json with GPT-2's pre-tokeniser. */
export type TokenizerJson = ReturnType<typeof tokenizerJson>;

type Word = { symbols: string[]; count: number };
type Pair = { left: string; right: string; count: number };

/** GPT-2's pre-tokenisation: contractions, letters, digits, other signs, white space. */
const preTokenPattern =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** How often each pre-token occurs in the texts; those below `atLeast` are left out. */
export function countPreTokens(texts: readonly string[], atLeast: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const word of text.match(preTokenPattern) ?? [])
      counts.set(word, (counts.get(word) ?? 0) + 1);
  return new Map([...counts].filter(([, count]) => count >= atLeast));
}

/**
 * Byte-pair encoding (Sennrich et al., arXiv 1508.07909) over GPT-2's bytes-as-characters: merges the most frequent
 * adjacent pair, again and again. Equal counts are decided by code-unit order, so the result depends on nothing else.
 */
export function trainBpe({ wordCounts, maxVocabSize, specialTokens }: BpeOptions): TokenizerJson {
  const alphabet = byteAlphabet();
  const vocab = new Map(alphabet.map((symbol, byte) => [symbol, byte]));
  if (maxVocabSize < vocab.size) {
    throw new RangeError(`maxVocabSize ${maxVocabSize} has no room for the ${vocab.size} bytes`);
  }
  const words = [...wordCounts].map(([text, count]) => toWord(text, count, alphabet));
  const merges: [string, string][] = [];
  while (vocab.size < maxVocabSize) {
    const pair = mostFrequentPair(words);
    if (pair === undefined) break;
    for (const word of words) word.symbols = merged(word.symbols, pair);
    merges.push([pair.left, pair.right]);
    const token = pair.left + pair.right;
    if (!vocab.has(token)) vocab.set(token, vocab.size);
  }
  return tokenizerJson(vocab, merges, specialTokens);
}

function toWord(text: string, count: number, alphabet: string[]): Word {
  const preTokens = text.match(preTokenPattern) ?? [];
  if (preTokens.length !== 1) {
    throw new Error(`"${text}" is ${preTokens.length} pre-tokens, so it can never be one token`);
  }
  return { symbols: [...Buffer.from(text, 'utf8')].map((byte) => alphabet[byte]!), count };
}

function mostFrequentPair(words: Word[]): Pair | undefined {
  const pairs = new Map<string, Pair>();
  for (const { symbols, count } of words) {
    for (let i = 0; i + 1 < symbols.length; i++) {
      const [left, right] = [symbols[i]!, symbols[i + 1]!];
      const key = `${left} ${right}`; // no symbol holds a space: its byte is spelt with another character
      const known = pairs.get(key);
      if (known === undefined) pairs.set(key, { left, right, count });
      else known.count += count;
    }
  }
  const ordered = [...pairs].sort(
    ([keyA, a], [keyB, b]) => b.count - a.count || (keyA < keyB ? -1 : 1),
  );
  return ordered[0]?.[1];
}

function merged(symbols: string[], { left, right }: Pair): string[] {
  const result: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const isPair = symbols[i] === left && symbols[i + 1] === right;
    result.push(isPair ? left + right : symbols[i]!);
    if (isPair) i++;
  }
  return result;
}

function tokenizerJson(
  vocab: Map<string, number>,
  merges: [string, string][],
  specialTokens: readonly string[],
) {
  const taken = specialTokens.find(
    (token, i) => vocab.has(token) || specialTokens.indexOf(token) < i,
  );
  if (taken !== undefined) throw new Error(`special token "${taken}" is already in the vocabulary`);
  const added = specialTokens.map((content, i) => addedToken(vocab.size + i, content, true));
  return byteLevelBpe({ vocab, merges, added });
}
