import { describe, expect, it } from 'vitest';
import type { FillerName } from '../../src/model/fillers.ts';
import { lineEndIds } from '../../src/model/line-ends.ts';
import {
  type LatentPlace,
  layoutLength,
  layoutPrompt,
  trainedPlace,
} from '../../src/model/prompt.ts';
import { byteTokenizer } from '../support/byte-tokenizer.ts';
import { tinyConfig, tinySpecials } from '../support/tiny-model.ts';

const tokenizer = byteTokenizer(tinySpecials);
const [bot, eot, pause] = [257, 258, 259];
const question = { kind: 'question' } as const;
const text = [...'Q\n'].map((character) => character.charCodeAt(0));

describe('layoutPrompt', () => {
  it.each([0, 1, 6])('thought filler, %i thoughts: markers around the thoughts', (thoughts) => {
    expect(layoutPrompt(tinyConfig('coconut'), tokenizer, 'Q\n', thoughts, question)).toEqual({
      promptIds: [...text, bot],
      thoughts: { count: thoughts },
      suffixIds: [eot],
      skippedPositions: 0,
    });
  });

  it('in the middle of an answer: no marker in the prompt, both for later', () => {
    const layout = (place: LatentPlace) =>
      layoutPrompt(tinyConfig('coconut'), tokenizer, 'Q\n', 3, place);
    const before = { promptIds: text, thoughts: { count: 3 }, suffixIds: [], skippedPositions: 0 };
    const entry = { botId: bot, eotId: eot };
    expect(layout({ kind: 'model' })).toEqual({
      ...before,
      latentEntry: { ...entry, afterLines: null, lineEndIds: [] },
    });
    const steps = layout({ kind: 'steps', count: 2, lineEndIds: [10] });
    expect(steps).toEqual({
      ...before,
      latentEntry: { ...entry, afterLines: 2, lineEndIds: [10] },
    });
    expect([steps, layout(question)].map(layoutLength)).toEqual([7, 7]);
    expect(() => layoutPrompt(tinyConfig('pause'), tokenizer, 'Q', 1, { kind: 'model' })).toThrow(
      /filler "pause" comes before all text/,
    );
  });

  it('is what config.json says of the first steps', () => {
    const config = tinyConfig('coconut');
    const coconut = { ...config.coconut, word_steps: 2 };
    expect(trainedPlace(config)).toEqual({ kind: 'question' });
    expect(trainedPlace({ ...config, coconut })).toEqual({ kind: 'model' });
  });

  it('no filler: the text alone, and no thoughts to be had', () => {
    const config = tinyConfig('cot');
    expect(layoutPrompt(config, tokenizer, 'Q\n', 0, question)).toEqual({
      promptIds: text,
      thoughts: { count: 0 },
      suffixIds: [],
      skippedPositions: 0,
    });
    expect(() => layoutPrompt(config, tokenizer, 'Q\n', 2, question)).toThrow(
      /takes no thoughts, got 2/,
    );
  });

  it('pause filler: one pause token per thought', () => {
    expect(layoutPrompt(tinyConfig('pause'), tokenizer, 'Q\n', 2, question)).toEqual({
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
    expect(layoutPrompt(control('zero'), tokenizer, 'Q\n', 2, question)).toEqual({
      promptIds: [...text, bot],
      thoughts: { count: 2, control: 'zero' },
      suffixIds: [eot],
      skippedPositions: 0,
    });
  });

  it('pauses of a pass each are tokens of the prompt too, between the markers', () => {
    expect(layoutPrompt(control('pause-pass'), tokenizer, 'Q\n', 2, question)).toEqual({
      promptIds: [...text, bot, pause, pause],
      thoughts: { count: 0 },
      suffixIds: [eot],
      skippedPositions: 0,
    });
  });

  it('leaves out the positions that the checkpoint says', () => {
    const config = tinyConfig('cot');
    const keeping = { ...config, coconut: { ...config.coconut, skipped_positions: 7 } };
    expect(layoutPrompt(keeping, tokenizer, 'Q\n', 0, question).skippedPositions).toBe(7);
  });

  it('does not let text open latent mode', () => {
    const { promptIds } = layoutPrompt(tinyConfig('coconut'), tokenizer, '<bot><eot>', 0, question);
    expect(promptIds.filter((id) => tokenizer.isSpecial(id))).toEqual([bot]);
  });

  it.each([-1, 1.5, Number.NaN])('refuses %d thoughts', (thoughts) => {
    expect(() => layoutPrompt(tinyConfig('coconut'), tokenizer, 'Q', thoughts, question)).toThrow(
      RangeError,
    );
  });
});

describe('lineEndIds', () => {
  it('are the tokens whose last byte is a line break, whatever stands before it, and no special ones', () => {
    const bytes = ['a', '\n', 'b\n', '\nc', ' \n', '\n\n', '<\n>\n'].map((token) =>
      Buffer.from(token),
    );
    const found = lineEndIds({
      vocabSize: bytes.length,
      bytesOf: (id) => bytes[id]!,
      isSpecial: (id) => id === 6,
    });
    expect(found).toEqual([1, 2, 4, 5]);
    expect(lineEndIds(tokenizer)).toEqual([10]);
  });
});
