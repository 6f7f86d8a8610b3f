import { expect, it } from 'vitest';
import { isRight, tokensOf } from '../../playground/verdict.js';

it.each([
  ['Tom is a lempus.', 'Tom is a lempus.', true],
  ['Tom is a dumpus.\nEvery dumpus is a lempus.\n### Tom is a lempus.', 'Tom is a lempus.', true],
  ['Tom is a lempus.\n### Tom is a dumpus.', 'Tom is a lempus.', false],
  ['### 1,072 ', '1072', true],
  ['172', '72', false],
  ['', '72', false],
])('%j where %j is right: %j', (text, expected, right) => {
  expect(isRight(text, expected)).toBe(right);
});

it('counts text as what is no thought', () => {
  const usage = { completion_tokens: 9, completion_tokens_details: { reasoning_tokens: 3 } };
  expect(tokensOf(usage)).toEqual({ thoughts: 3, text: 6, sum: 9 });
});
