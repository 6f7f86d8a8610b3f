// The regular expression of `pattern` → EBNF of what stands between the quotes. Regular in the strict
// sense only: no look-around, no back-references. As ECMA-262 has it, a match may lie anywhere in the
// text unless ^ and $ bind it. Matched characters are ASCII, or spelled out in the pattern, and
// written as JSON.stringify writes them.
import { maxRepetition, SchemaError } from './schema-node.ts';

/** EBNF that can stand anywhere, and how many characters' worth of states it compiles to. */
type Piece = { ebnf: string; states: number };

const codes = (from: number, to = from) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
const codesOf = (text: string) => Array.from(text, (character) => character.codePointAt(0)!);
const ascii = codes(0, 0x7f);
const allBut = (excluded: Iterable<number>) => {
  const codes = new Set(excluded);
  return ascii.filter((code) => !codes.has(code));
};
/** By code, as JSON.stringify writes it: plain ones alone, \n after a \, \u0001 after \u000. */
const asciiTexts = ascii.map((code) => {
  const text = JSON.stringify(String.fromCharCode(code)).slice(1, -1);
  return { before: text.slice(0, -1), last: text.charCodeAt(text.length - 1) };
});
/** By code. Four digits: \x would take as many as follow. */
const inClass = ascii.map((code) => {
  const character = String.fromCharCode(code);
  return /[0-9A-Za-z]/.test(character) ? character : `\\u${code.toString(16).padStart(4, '0')}`;
});

const digits = codesOf('0123456789');
const letters = [...codes(0x41, 0x5a), ...codes(0x61, 0x7a)];
const wordCodes = [...digits, ...letters, 0x5f];
const spaces = codesOf('\t\n\v\f\r ');

/** What stands after a backslash for several characters. */
const classes: Readonly<Record<string, readonly number[]>> = {
  d: digits,
  D: allBut(digits),
  w: wordCodes,
  W: allBut(wordCodes),
  s: spaces,
  S: allBut(spaces),
};
const controls: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', v: '\v', f: '\f' };
const anyButLineBreak = spelled(allBut(codesOf('\n\r')));

/** Of a range beyond ASCII: each character of it is an alternative. */
const maxSpelled = 256;

/** An opening brace, nine digits, a comma, nine digits, a closing one. */
const longestQuantifier = 21;

/** Groups inside one another: they are read by recursion, here and by whoever reads the grammar. */
export const maxGroupDepth = 32;

/** Throws SchemaError, at `path`, for what is not regular, unknown, or too large. */
export function patternGrammar(pattern: string, path: string): string {
  if (pattern.length <= maxRepetition) return new PatternReader(pattern, path).whole().ebnf;
  throw new SchemaError(`${path}: ${pattern.length} characters, at most ${maxRepetition}`);
}

class PatternReader {
  readonly #characters: readonly string[];
  readonly #path: string;
  #at = 0;
  #groupDepth = 0;

  constructor(pattern: string, path: string) {
    this.#characters = Array.from(pattern);
    this.#path = path;
  }

  whole(): Piece {
    const options: Piece[] = [];
    do {
      const before = this.#takes('^') ? '' : 'char* ';
      const match = this.#sequence();
      const after = this.#takes('$') ? '' : ' char*';
      options.push({ ebnf: `${before}${match.ebnf}${after}`, states: match.states });
    } while (this.#takes('|'));
    if (this.#next !== undefined) throw this.#unsupported();
    return this.#alternatives(options);
  }

  get #next(): string | undefined {
    return this.#characters[this.#at];
  }

  #takes(text: string): boolean {
    const isNext = [...text].every((character, i) => this.#characters[this.#at + i] === character);
    if (isNext) this.#at += text.length;
    return isNext;
  }

  #unsupported(why = 'is not supported here'): SchemaError {
    const what = this.#next === undefined ? 'the end' : JSON.stringify(this.#next);
    return new SchemaError(`${this.#path}: ${what} at character ${this.#at} ${why}`);
  }

  #sequence(): Piece {
    const parts: string[] = [];
    let states = 0;
    while (this.#next !== undefined && !'|)$'.includes(this.#next)) {
      const part = this.#repeated();
      parts.push(part.ebnf);
      states = this.#counted(states + part.states);
    }
    return { ebnf: parts.length === 0 ? '""' : parts.join(' '), states };
  }

  /** As soon as they are read: nothing that is too large is read to its end. */
  #counted(states: number): number {
    if (states <= maxRepetition) return states;
    throw new SchemaError(
      `${this.#path}: up to character ${this.#at} it unfolds to ${states} characters, ` +
        `at most ${maxRepetition}`,
    );
  }

  #alternatives(options: readonly Piece[]): Piece {
    const states = this.#counted(options.reduce((sum, option) => sum + option.states, 0));
    return { ebnf: `(${options.map(({ ebnf }) => ebnf).join(' | ')})`, states };
  }

  #repeated(): Piece {
    const atom = this.#atom();
    const quantifier = this.#quantifier();
    if (quantifier === null) return atom;
    // Lazy or not, the texts that match are the same.
    this.#takes('?');
    const [least, greatest] = quantifier;
    if (greatest === 0) return { ebnf: '""', states: 0 };
    const times = Math.max(1, Number.isFinite(greatest) ? greatest : least);
    const upTo = Number.isFinite(greatest) ? greatest : '';
    // What matches nothing is unfolded all the same.
    const states = this.#counted(Math.max(1, atom.states) * times);
    return { ebnf: `${atom.ebnf}{${least},${upTo}}`, states };
  }

  #quantifier(): readonly [number, number] | null {
    if (this.#takes('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.#takes('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.#takes('?')) return [0, 1];
    if (this.#next !== '{') return null;
    const rest = this.#characters.slice(this.#at, this.#at + longestQuantifier).join('');
    const [whole, from, comma, to] = rest.match(/^\{(\d{1,9})(,?)(\d{0,9})\}/) ?? [];
    if (whole === undefined) throw this.#unsupported();
    const least = Number(from);
    const greatest = to ? Number(to) : comma ? Number.POSITIVE_INFINITY : least;
    if (greatest < least) throw this.#unsupported('has its numbers out of order');
    this.#at += whole.length;
    return [least, greatest];
  }

  #atom(): Piece {
    if (this.#takes('(')) return this.#group();
    if (this.#takes('[')) return this.#set();
    if (this.#takes('.')) return anyButLineBreak;
    if (this.#next === '\\') return spelled(this.#escape());
    if ('^*+?{}]'.includes(this.#next!)) throw this.#unsupported();
    return spelled(codesOf(this.#take()));
  }

  #group(): Piece {
    if (!this.#takes('?:') && this.#next === '?') throw this.#unsupported();
    this.#groupDepth += 1;
    if (this.#groupDepth > maxGroupDepth) {
      throw new SchemaError(`${this.#path}: groups nested more than ${maxGroupDepth} deep`);
    }
    const options = [this.#sequence()];
    while (this.#takes('|')) options.push(this.#sequence());
    if (!this.#takes(')')) throw this.#unsupported();
    this.#groupDepth -= 1;
    return this.#alternatives(options);
  }

  #set(): Piece {
    const isNegated = this.#takes('^');
    const members = new Set<number>();
    while (!this.#takes(']')) {
      const from = this.#member();
      const isRange = this.#next === '-' && this.#characters[this.#at + 1] !== ']';
      const added = isRange ? this.#range(from) : from;
      for (const code of added) members.add(code);
    }
    const meant = isNegated ? allBut(members) : [...members];
    if (meant.length === 0) throw this.#unsupported('follows a set without ASCII characters');
    return spelled(meant);
  }

  #range(from: readonly number[]): readonly number[] {
    this.#take();
    const to = this.#member();
    const [first, last] = [from[0]!, to[0]!];
    if (from.length > 1 || to.length > 1) throw this.#unsupported('ends a range of classes');
    if (last < first) throw this.#unsupported('follows a range out of order');
    if (last > 0x7f && last - first >= maxSpelled) {
      throw this.#unsupported(`follows a range of more than ${maxSpelled} characters`);
    }
    return codes(first, last);
  }

  #member(): readonly number[] {
    if (this.#next === undefined) throw this.#unsupported();
    return this.#next === '\\' ? this.#escape() : codesOf(this.#take());
  }

  #escape(): readonly number[] {
    const rest = this.#characters.slice(this.#at + 1, this.#at + 11).join('');
    const [whole = rest[0] ?? '', ...forms] =
      rest.match(/^(?:x([\da-f]{2})|u([\da-f]{4})|u\{([\da-f]{1,6})\})/i) ?? [];
    const hex = forms.find((form) => form !== undefined);
    const several = Object.hasOwn(classes, whole) ? classes[whole] : undefined;
    const control = Object.hasOwn(controls, whole) ? controls[whole] : undefined;
    const code = hex === undefined ? undefined : Number.parseInt(hex, 16);
    const isLiteral = whole !== '' && !/[\p{L}\p{N}]/u.test(whole);
    if (code !== undefined ? !isCharacter(code) : !(several ?? control) && !isLiteral) {
      throw this.#unsupported(`begins ${JSON.stringify(`\\${whole}`)}, which is not supported`);
    }
    this.#at += 1 + whole.length;
    return code !== undefined ? [code] : (several ?? codesOf(control ?? whole));
  }

  #take(): string {
    return this.#characters[this.#at++]!;
  }
}

/** No half of a surrogate pair. */
const isCharacter = (code: number) => code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);

/** One of these characters, as JSON.stringify writes it. */
function spelled(members: readonly number[]): Piece {
  const lastOf = new Map<string, number[]>();
  const beyond: string[] = [];
  for (const code of new Uint32Array(members).sort()) {
    if (code > 0x7f) {
      beyond.push(literalBeyond(code));
      continue;
    }
    const { before, last } = asciiTexts[code]!;
    const group = lastOf.get(before);
    if (group) group.push(last);
    else lastOf.set(before, [last]);
  }
  const classed = [...lastOf].map(([before, last]) =>
    before === '' ? classOf(last) : `${JSON.stringify(before)} ${classOf(last)}`,
  );
  return { ebnf: `(${[...classed, ...beyond].join(' | ')})`, states: 1 + beyond.length };
}

/** Codes that follow one another become a range. */
function classOf(codes: readonly number[]): string {
  let text = '';
  for (let from = 0, to = 0; from < codes.length; from = to + 1) {
    to = from;
    while (codes[to + 1] === codes[to]! + 1) to += 1;
    text += inClass[codes[from]!]! + (from === to ? '' : `-${inClass[codes[to]!]}`);
  }
  return `[${text}]`;
}

const literalBeyond = (code: number) => {
  const text = String.fromCodePoint(code);
  // Half of a surrogate pair alone is escaped, and the backslash once more.
  return isCharacter(code) ? `"${text}"` : JSON.stringify(JSON.stringify(text).slice(1, -1));
};
