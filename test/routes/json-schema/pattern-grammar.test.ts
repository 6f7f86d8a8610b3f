// How much of a pattern is read, and how far it may unfold: what it matches is tested on random ones, in
// json-grammar-property.server.test.ts.
import { describe, expect, it } from 'vitest';
import { maxGroupDepth, patternGrammar } from '../../../src/routes/json-schema/pattern-grammar.ts';
import { maxRepetition, SchemaError } from '../../../src/routes/json-schema/schema-node.ts';

const groups = (depth: number) => `${'('.repeat(depth)}a${')'.repeat(depth)}`;
const grammarOf = (pattern: string) => patternGrammar(pattern, 'here');

describe('a pattern', () => {
  it.each([
    ['as long as it may be', 'a'.repeat(maxRepetition)],
    ['with groups as deep as they may be', groups(maxGroupDepth)],
    ['with many groups beside one another', groups(1).repeat(100)],
    ['that unfolds as far as it may', '(ab{3}){256}'],
    ['of what matches nothing', 'a{0}'.repeat(256)],
  ])('is read: %s', (_, pattern) => {
    expect(grammarOf(pattern)).toContain('char*');
  });

  it.each([
    ['too long', 'a'.repeat(maxRepetition + 1), '1025 characters, at most 1024'],
    ['long, and empty', 'a{0}'.repeat(1025), '4100 characters, at most 1024'],
    ['long, and deep', '('.repeat(20_000), '20000 characters, at most 1024'],
    ['too deep', groups(maxGroupDepth + 1), 'groups nested more than 32 deep'],
    ['too far unfolded', '(ab{3}){257}', 'up to character 12 it unfolds to 1028 characters'],
    ['of nothing, repeated', '((a{0}){1000}){1000}', 'it unfolds to 1000000 characters'],
    ['of options, repeated', '(a|b){600}', 'it unfolds to 1200 characters'],
    ['of nothing, with a huge count', '(){999999999,}', 'it unfolds to 999999999 characters'],
  ])('is refused: %s', (_, pattern, message) => {
    expect(() => grammarOf(pattern)).toThrow(SchemaError);
    expect(() => grammarOf(pattern)).toThrow(message);
  });

  it('is refused as soon as it is too large: what follows is not read', () => {
    expect(() => grammarOf('a{1025}(?=b)')).toThrow('up to character 7 it unfolds to 1025');
  });

  it('has its sets written as ranges', () => {
    expect(grammarOf('^\\w$')).toBe('(([0-9A-Z\\u005fa-z]))');
    expect(grammarOf('^[\\x00-\\x0f"é\uD800]$')).toBe(
      String.raw`(("\\u000" [0-7be-f] | "\\" [btnfr\u0022] | "é" | "\\ud800"))`,
    );
  });
});
