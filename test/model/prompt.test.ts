import { describe, expect, it } from 'vitest';
import { layoutPrompt } from '../../src/model/prompt.ts';
import { byteTokenizer } from '../support/byte-tokenizer.ts';
import { tinyConfig, tinySpecials } from '../support/tiny-model.ts';

const tokenizer = byteTokenizer(tinySpecials);
const [bot, eot, pause] = [257, 258, 259];
const text = [...'Q\n'].map((character) => character.charCodeAt(0));

describe('layoutPrompt', () => {
  it.each([0, 1, 6])('thought filler, %i thoughts: markers around the thoughts', (thoughts) => {
    expect(layoutPrompt(tinyConfig('coconut'), tokenizer, 'Q\n', thoughts)).toEqual({
      promptIds: [...text, bot],
      suffixIds: [eot],
    });
  });

  it('no filler: the text alone, and no thoughts to be had', () => {
    const config = tinyConfig('cot');
    expect(layoutPrompt(config, tokenizer, 'Q\n', 0)).toEqual({ promptIds: text, suffixIds: [] });
    expect(() => layoutPrompt(config, tokenizer, 'Q\n', 2)).toThrow(/takes no thoughts, got 2/);
  });

  it('pause filler: one pause token per thought', () => {
    expect(layoutPrompt(tinyConfig('pause'), tokenizer, 'Q\n', 2)).toEqual({
      promptIds: [...text, pause, pause],
      suffixIds: [],
    });
  });

  it('does not let text open latent mode', () => {
    const { promptIds } = layoutPrompt(tinyConfig('coconut'), tokenizer, '<bot><eot>', 0);
    expect(promptIds.filter((id) => tokenizer.isSpecial(id))).toEqual([bot]);
  });

  it.each([-1, 1.5, Number.NaN])('refuses %d thoughts', (thoughts) => {
    expect(() => layoutPrompt(tinyConfig('coconut'), tokenizer, 'Q', thoughts)).toThrow(RangeError);
  });
});
