// The places start: in a data set whose rows have one layout, digits of one place begin with a direction in common in
// GPT-2's position embedding, and so do the digits of one number. What is learned about a place in one number, such as
// where to look for what it is made of, then holds in the next. The idea is that of abacus embeddings (McLeish et al.
// 2024, arXiv 2405.17399), here only of where training begins: the checkpoint stays a GPT-2.
import type { Gpt2Config } from '../model/model-config.ts';
import type { Random } from '../random.ts';

export type PlacesStart = {
  kind: 'places';
  /** Standard deviation of a code's entries; those of a position begin with 0.02. */
  scale: number;
};

/** Positions of a number's digits, first place first. */
export type DigitSpan = { first: number; digits: number };

/** @param tokens texts of one row's tokens, a digit each where they are part of a number */
export function digitSpans(tokens: readonly string[]): DigitSpan[] {
  const isDigit = tokens.map((token) => /^ ?\d$/.test(token));
  return tokens.flatMap((_, first) => {
    if (!isDigit[first] || isDigit[first - 1]) return [];
    const end = isDigit.indexOf(false, first);
    return [{ first, digits: (end === -1 ? tokens.length : end) - first }];
  });
}

/**
 * Adds the codes to the position embedding. The token before a number, which is where its first digit is asked for, has
 * a place of its own. @throws without numbers
 */
export function layPlaces(
  { n_embd: width }: Gpt2Config,
  { scale }: PlacesStart,
  numbers: readonly DigitSpan[],
  weights: ReadonlyMap<string, Float32Array>,
  random: Random,
): void {
  if (numbers.length === 0)
    throw new Error('places start: the rows have no numbers; use start.kind "gpt2"');
  const positions = weights.get('transformer.wpe.weight')!;
  const code = () => Float32Array.from({ length: width }, () => scale * random.normal());
  const most = Math.max(...numbers.map(({ digits }) => digits));
  const before = code();
  const places = Array.from({ length: most }, code);
  for (const { first, digits } of numbers) {
    const number = code();
    const ofDigits = places.slice(0, digits).map((place, k) => ({ position: first + k, place }));
    const asked = first === 0 ? [] : [{ position: first - 1, place: before }];
    for (const { position, place } of [...asked, ...ofDigits])
      for (let d = 0; d < width; d++) positions[position * width + d]! += number[d]! + place[d]!;
  }
}
