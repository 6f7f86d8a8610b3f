import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Detokenizer, type DetokenizerOptions } from '../../src/engine/detokenizer.ts';
import { byteTokenizer } from '../support/byte-tokenizer.ts';

const tokenizer = byteTokenizer();

/** The pieces after each token (a byte here), and the rest at the end. */
function pieces(text: string | number[], options: Partial<DetokenizerOptions> = {}) {
  const detokenizer = new Detokenizer(tokenizer, { stop: [], answerMarker: '', ...options });
  const ids = typeof text === 'string' ? tokenizer.encode(text) : text;
  const pushed = ids.map((id) => detokenizer.push(id));
  return { pushed, rest: detokenizer.finish(), stopped: detokenizer.stopped };
}

const whole = (text: string, options: Partial<DetokenizerOptions> = {}) => {
  const { pushed, rest } = pieces(text, options);
  return pushed.join('') + rest;
};

describe('characters', () => {
  it('come out whole', () => {
    expect(pieces('aé😀b')).toEqual({
      pushed: ['a', '', 'é', '', '', '', '😀', 'b'],
      rest: '',
      stopped: false,
    });
  });

  it('that never become whole are replaced at the end, or by what follows', () => {
    expect(pieces([0x61, 0xf0, 0x9f])).toEqual({
      pushed: ['a', '', ''],
      rest: '\uFFFD',
      stopped: false,
    });
    expect(pieces([0xf0, 0x9f, 0x61]).pushed).toEqual(['', '', '\uFFFDa']);
    expect(pieces([0xff, 0xff, 0x61]).pushed.join('')).toBe('\uFFFD\uFFFDa');
  });

  it('add up to the text, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(whole(text)).toBe(text);
      }),
    );
  });

  it('skip special tokens', () => {
    expect(pieces([0x61, 256, 0x62]).pushed).toEqual(['a', '', 'b']);
  });
});

describe('the answer marker', () => {
  const options = { answerMarker: '### ' };

  it('is left out where the text begins with it', () => {
    expect(pieces('### Yes', options).pushed).toEqual(['', '', '', '', 'Y', 'e', 's']);
  });

  it('stays where the text merely resembles it, or has it later', () => {
    expect(whole('##', options)).toBe('##');
    expect(whole('###Yes', options)).toBe('###Yes');
    expect(whole('So ### Yes', options)).toBe('So ### Yes');
    expect(whole('### ### Yes', options)).toBe('### Yes');
  });
});

describe('stop strings', () => {
  it('are held back until they are decided', () => {
    expect(pieces('a##b', { stop: ['###'] })).toEqual({
      pushed: ['a', '', '', '##b'],
      rest: '',
      stopped: false,
    });
  });

  it('end the text before the first of them', () => {
    expect(pieces('one. two.', { stop: ['two', '. '] })).toEqual({
      pushed: ['o', 'n', 'e', '', '', '', '', '', ''],
      rest: '',
      stopped: true,
    });
  });

  it('come out at the end when they stayed unfinished', () => {
    expect(pieces('ab', { stop: ['bc'] })).toEqual({
      pushed: ['a', ''],
      rest: 'b',
      stopped: false,
    });
  });

  it('may be a mere beginning of the marker', () => {
    expect(pieces('a'.repeat(2), { stop: ['aa'], answerMarker: 'aaa' })).toEqual({
      pushed: ['', ''],
      rest: '',
      stopped: true,
    });
  });

  it('cut the text where it first contains one, whatever both are', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '😀'), maxLength: 12 });
    const stops = fc.array(
      letters.filter((stop) => stop !== ''),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(letters, stops, (text, stop) => {
        // Of the stop strings, the one that is complete first ends the answer.
        const ends = stop.flatMap((one) => {
          const at = text.indexOf(one);
          return at === -1 ? [] : [{ at, end: at + one.length }];
        });
        const first = Math.min(...ends.map(({ end }) => end));
        const cut = Math.min(...ends.filter(({ end }) => end === first).map(({ at }) => at));
        expect(whole(text, { stop })).toBe(ends.length === 0 ? text : text.slice(0, cut));
      }),
    );
  });
});
