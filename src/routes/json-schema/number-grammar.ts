// JSON numbers within bounds as EBNF: digit by digit, since a grammar knows no arithmetic.
import { type Place, type Schema, SchemaError } from './schema-node.ts';

/** `open`: the value itself is not allowed. */
type Bound = { value: number; open: boolean };

/** 15 digits: what a double holds exactly, and no more than a weak model should be led into. */
const most = 999_999_999_999_999;
/** Beyond, six decimals are rounded away, and with them the difference to an open bound. */
const exactDecimals = 1e9;

const unbounded: { from: Bound; to: Bound } = {
  from: { value: -most, open: false },
  to: { value: most, open: false },
};

/** @param type integer or number. Throws SchemaError. */
export function numberGrammar(type: string, node: Schema, place: Place): string {
  const keys = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum'] as const;
  if (keys.every((key) => node[key] === undefined)) return type;
  for (const key of keys) {
    const value = node[key];
    const isFit = typeof value === 'number' && (type === 'integer' || Number.isInteger(value));
    if (value === undefined || isFit) continue;
    throw new SchemaError(`${place.path}.${key}: expected a whole number`);
  }
  const bound = (key: string, open: boolean, otherwise: Bound): Bound =>
    node[key] === undefined ? otherwise : { value: node[key] as number, open };
  const { from, to } = unbounded;
  const least = tighter(bound('minimum', false, from), bound('exclusiveMinimum', true, from), 1);
  const greatest = tighter(bound('maximum', false, to), bound('exclusiveMaximum', true, to), -1);
  const grammar = (type === 'integer' ? integerGrammar : decimalGrammar)(least, greatest);
  if (grammar === null) throw new SchemaError(`${place.path}: no ${type} lies within the bounds`);
  return `(${grammar})`;
}

function tighter(a: Bound, b: Bound, inward: 1 | -1): Bound {
  if (a.value === b.value) return a.open ? a : b;
  return (a.value - b.value) * inward > 0 ? a : b;
}

/** null where no whole number lies between. */
function integerGrammar(from: Bound, to: Bound): string | null {
  const least = from.open ? Math.floor(from.value) + 1 : Math.ceil(from.value);
  const greatest = to.open ? Math.ceil(to.value) - 1 : Math.floor(to.value);
  return eitherSign(closed(Math.max(-most, least)), closed(Math.min(most, greatest)), (a, b) =>
    a.value > b.value ? null : wholes(a.value, b.value),
  );
}

/** Without exponents, and with at most six decimals. null where no number lies between. */
function decimalGrammar(from: Bound, to: Bound): string | null {
  const [least, greatest] = [narrowed(from, 1), narrowed(to, -1)];
  return eitherSign(atLeast(least, -most), atMost(greatest, most), decimals);
}

type Range = (from: Bound, to: Bound) => string | null;

/** `range` gives the magnitudes of either side of 0; 0 itself belongs to the positive side. */
function eitherSign(from: Bound, to: Bound, range: Range): string | null {
  const positive = to.value < 0 ? null : range(from.value < 0 ? closed(0) : from, to);
  const magnitudes = (a: Bound, b: Bound) => range(minus(b), minus(a));
  const negative =
    from.value >= 0 ? null : magnitudes(from, to.value < 0 ? to : { value: 0, open: true });
  return alternatives([positive, negative && `"-" (${negative})`]);
}

function decimals(from: Bound, to: Bound): string | null {
  const [a, b] = [from.value, to.value];
  if (a > b || (a === b && (from.open || to.open))) return null;
  if (a === b) return `"${a}"`;
  const fraction = from.open ? '"." [0-9]{0,5} [1-9]' : '("." [0-9]{1,6})?';
  return alternatives([
    `"${a}" ${fraction}`,
    a + 1 > b - 1 ? null : `(${wholes(a + 1, b - 1)}) ("." [0-9]{1,6})?`,
    to.open ? null : `"${b}"`,
  ]);
}

/** Whole numbers 0 ≤ from..to. */
function wholes(from: number, to: number): string {
  const parts: string[] = [];
  for (let digits = String(from).length; digits <= String(to).length; digits++) {
    const least = Math.max(from, digits === 1 ? 0 : 10 ** (digits - 1));
    const greatest = Math.min(to, 10 ** digits - 1);
    parts.push(ofOneLength(String(least), String(greatest)));
  }
  return parts.join(' | ');
}

function ofOneLength(from: string, to: string): string {
  const length = from.length;
  if (length === 0) return '""';
  const [first, last] = [Number(from[0]), Number(to[0])];
  if (/^0*$/.test(from) && /^9*$/.test(to)) return `[0-9]{${length}}`;
  if (first === last) return `"${first}" (${ofOneLength(from.slice(1), to.slice(1))})`;
  const [zeros, nines] = ['0'.repeat(length - 1), '9'.repeat(length - 1)];
  const between = first + 1 > last - 1 ? null : `[${first + 1}-${last - 1}] ${rest(length - 1)}`;
  return alternatives([
    `"${first}" (${ofOneLength(from.slice(1), nines)})`,
    between,
    `"${last}" (${ofOneLength(zeros, to.slice(1))})`,
  ])!;
}

const rest = (digits: number) => (digits === 0 ? '' : `[0-9]{${digits}}`);

const minus = ({ value, open }: Bound): Bound => ({ value: 0 - value, open });

const closed = (value: number): Bound => ({ value, open: false });

const atLeast = (bound: Bound, least: number) => (bound.value < least ? closed(least) : bound);
const atMost = (bound: Bound, most: number) => (bound.value > most ? closed(most) : bound);

function narrowed({ value, open }: Bound, inward: 1 | -1): Bound {
  return open && Math.abs(value) >= exactDecimals ? closed(value + inward) : { value, open };
}

function alternatives(parts: readonly (string | null)[]): string | null {
  const given = parts.filter((part) => part !== null);
  return given.length === 0 ? null : given.join(' | ');
}
