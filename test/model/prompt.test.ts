import { describe, expect, it } from 'vitest';
import type { FillerName } from '../../src/model/fillers.ts';
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
      thoughts: { count: thoughts },
      suffixIds: [eot],
      skippedPositions: 0,
    });
  });

  it('no filler: the text alone, and no thoughts to be had', () => {
    const config = tinyConfig('cot');
    expect(layoutPrompt(config, tokenizer, 'Q\n', 0)).toEqual({
      promptIds: text,
      thoughts: { count: 0 },
      suffixIds: [],
      skippedPositions: 0,
    });
    expect(() => layoutPrompt(config, tokenizer, 'Q\n', 2)).toThrow(/takes no thoughts, got 2/);
  });

  it('pause filler: one pause token per thought', () => {
    expect(layoutPrompt(tinyConfig('pause'), tokenizer, 'Q\n', 2)).toEqual({
      promptIds: [...text, pause, pause],
      thoughts: { count: 0 },
      suffixIds: [],
      skippedPositions: 0,
    });
  });

  const control = (filler: FillerName) => {
    const config = tinyConfig('coconut');
    return { ...config, coconut: { ...config.coconut, filler, pause_token_id: pause } };
  };

  it('zero filler: as many steps of the engine as thoughts, with zeros in them', () => {
    expect(layoutPrompt(control('zero'), tokenizer, 'Q\n', 2)).toEqual({
      promptIds: [...text, bot],
      thoughts: { count: 2, control: 'zero' },
      suffixIds: [eot],
      skippedPositions: 0,
    });
  });

  it('pauses of a pass each are tokens of the prompt too, between the markers', () => {
    expect(layoutPrompt(control('pause-pass'), tokenizer, 'Q\n', 2)).toEqual({
      promptIds: [...text, bot, pause, pause],
      thoughts: { count: 0 },
      suffixIds: [eot],
      skippedPositions: 0,
    });
  });

  it('leaves out the positions that the checkpoint says', () => {
    const config = tinyConfig('cot');
    const keeping = { ...config, coconut: { ...config.coconut, skipped_positions: 7 } };
    expect(layoutPrompt(keeping, tokenizer, 'Q\n', 0).skippedPositions).toBe(7);
  });

  it('does not let text open latent mode', () => {
    const { promptIds } = layoutPrompt(tinyConfig('coconut'), tokenizer, '<bot><eot>', 0);
    expect(promptIds.filter((id) => tokenizer.isSpecial(id))).toEqual([bot]);
  });

  it.each([-1, 1.5, Number.NaN])('refuses %d thoughts', (thoughts) => {
    expect(() => layoutPrompt(tinyConfig('coconut'), tokenizer, 'Q', thoughts)).toThrow(RangeError);
  });
});
