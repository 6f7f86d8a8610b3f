// The values of JSON Schema's `format` that a grammar can hold to, as EBNF of what stands between the
// quotes (RFC 3339, 4122, 2673, 4291, 1123; an e-mail address in its plain form only).

const digit = '[0-9]';
const thirtyOne = '("0" [1-9] | [12] [0-9] | "3" [01])';
const thirty = '("0" [1-9] | [12] [0-9] | "30")';
/** February has 28 days: a grammar does not know the year. */
const twentyEight = '("0" [1-9] | "1" [0-9] | "2" [0-8])';
const monthAndDay = [
  `("0" [13578] | "10" | "12") "-" ${thirtyOne}`,
  `("0" [469] | "11") "-" ${thirty}`,
  `"02-" ${twentyEight}`,
].join(' | ');
const date = `${digit}{4} "-" (${monthAndDay})`;
const sixty = '[0-5] [0-9]';
const clock = `("0" ${digit} | "1" ${digit} | "2" [0-3]) ":" ${sixty}`;
const time = `${clock} ":" ${sixty} ("." ${digit}{1,6})? ("Z" | [+\\-] ${clock})`;
const hex = '[0-9a-f]';
const byte = `("25" [0-5] | "2" [0-4] ${digit} | "1" ${digit}{2} | [1-9] ${digit} | ${digit})`;
const label = '[a-z0-9] ([a-z0-9\\-]{0,30} [a-z0-9])?';

/** RFC 3339, appendix A: a unit is followed by the next smaller one, or by none. */
const count = `${digit}{1,4}`;
const clockTime = chain(['H', 'M', 'S']);
const clockPart = `"T" (${clockTime})`;
const duration = `"P" (${count} "W" | ${clockPart} | (${chain(['Y', 'M', 'D'])}) (${clockPart})?)`;

/** Any one of the units, and those after it in a row. */
function chain(units: readonly string[]): string {
  const from = (i: number): string =>
    i === units.length - 1 ? `${count} "${units[i]}"` : `${count} "${units[i]}" (${from(i + 1)})?`;
  return units.map((_, i) => from(i)).join(' | ');
}

/** RFC 4291, 2.2: eight groups, or `::` for at least one of them. */
const group = '[0-9a-f]{1,4}';
const groups = (most: number) => (most === 0 ? '""' : `(${group} (":" ${group}){0,${most - 1}})?`);
const exactly = (number: number) => (number === 0 ? '' : `${group} (":" ${group}){${number - 1}}`);
const ipv6 = [
  exactly(8),
  ...Array.from({ length: 8 }, (_, before) => `${exactly(before)} "::" ${groups(7 - before)}`),
].join(' | ');

export const formatGrammars: Readonly<Record<string, string>> = {
  date,
  time,
  'date-time': `${date} "T" ${time}`,
  uuid: [8, 4, 4, 4, 12].map((length) => `${hex}{${length}}`).join(' "-" '),
  ipv4: [byte, byte, byte, byte].join(' "." '),
  ipv6: `(${ipv6})`,
  duration,
  hostname: `(${label}) ("." ${label}){0,3}`,
  email: `[a-z0-9] [a-z0-9_+\\-]{0,30} ("." [a-z0-9_+\\-]{1,30})? "@" (${label} "."){1,3} [a-z]{2,12}`,
};
