import { expect, it } from 'vitest';
import { shownWord } from '../../../src/training/report/inspection-text.ts';

it('a word is shown without its space, and space itself as what it is', () => {
  expect([' lempus', 'Tom', '\n', ' '].map(shownWord)).toEqual(['lempus', 'Tom', '"\\n"', '" "']);
});
