// npx tsx bench/schema-cost.ts [part of a name]
// Processor time that the worst schemas of at most a megabyte take on the API's thread: reading the request, and
// its schema translated or refused; on Linux. The first of several times is cold, the median is not.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseChatRequest } from '../src/routes/chat-fields.ts';
import { toGrammar } from '../src/routes/json-schema/json-grammar.ts';
import { SchemaError } from '../src/routes/json-schema/schema-node.ts';

const rounds = 7;
const maxBytes = 1 << 20;

type Schema = Record<string, unknown>;

const list = <T>(count: number, of: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => of(i));
const anyOf = (count: number, of: (i: number) => unknown): Schema => ({ anyOf: list(count, of) });
const object = (count: number, of: (i: number) => unknown, nameLength = 6): Schema => ({
  type: 'object',
  properties: Object.fromEntries(
    list(count, (i) => [String(i).padStart(nameLength, 'p'), of(i)] as const),
  ),
});
const string = (pattern: string): Schema => ({ type: 'string', pattern });
const nested = (type: string[], levels: number, keys: string[]): Schema =>
  levels === 0
    ? { type: 'null' }
    : { type, ...Object.fromEntries(keys.map((key) => [key, nested(type, levels - 1, keys)])) };
const options = (count: number) => ({ oneOf: list(count, (i) => ({ const: i })) });

const schemas: Record<string, () => Schema> = {
  'a type twice, 18 deep': () => nested(['array', 'array'], 18, ['items']),
  'two types, 12 deep, both with schemas': () =>
    nested(['array', 'object'], 12, ['items', 'additionalProperties']),
  'a list of 140,000 types': () => ({ type: list(140_000, () => 'null') }),
  'any of 300,000 schemas': () => anyOf(300_000, () => ({})),
  'any of 15,900 schemas': () => anyOf(15_900, () => ({ type: 'null', title: 'x' })),
  '15,900 bounded numbers': () =>
    anyOf(15_900, (i) => ({ type: 'number', minimum: -123_456_789 - i, maximum: 987_654_321 })),
  '15,900 formats': () => anyOf(15_900, () => ({ type: 'string', format: 'ipv6' })),
  '5000 properties of 24 characters': () => object(5000, () => ({ type: ['string', 'null'] }), 24),
  '5000 bounded properties': () => object(5000, () => ({ type: 'integer', minimum: 0 }), 24),
  '90,000 required names': () => ({
    ...object(5000, () => true),
    required: list(90_000, (i) => String(i % 5000).padStart(6, 'p')),
  }),
  'a tuple of 15,000': () => ({ type: 'array', prefixItems: list(15_000, () => true) }),
  '70,000 keywords': () => Object.fromEntries(list(70_000, (i) => [`k${i}`, 1])),
  '8000 quantifiers': () => string('a{1}'.repeat(8000)),
  '20,000 groups': () => string('('.repeat(20_000)),
  '16 patterns of 256 sets': () => anyOf(16, () => string('[^a]'.repeat(256))),
  '16 patterns of 32 groups': () =>
    anyOf(16, () => string(`${'('.repeat(32)}${'.'.repeat(950)}${')'.repeat(32)}`)),
  '3200 sets of 256 characters': () => anyOf(3200, () => string('[Ā-ǿ]')),
  'one of 400 constants': () => options(400),
  '700 times one of 20 constants': () => anyOf(700, () => options(20)),
  'one of 900, a reference of 100,000 characters': () => {
    const name = 'x'.repeat(100_000);
    const { oneOf } = options(900);
    return { $defs: { [name]: { const: -1 } }, oneOf: [{ $ref: `#/$defs/${name}` }, ...oneOf] };
  },
};

/** Milliseconds of processor time; collecting and optimising, which other threads do beside, is not in it. */
function cost(work: () => void): number {
  const before = threadMs();
  work();
  return threadMs() - before;
}

/** Linux only: its first figure is nanoseconds on a processor. */
const threadMs = () =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;

function outcome(schema: unknown): string {
  try {
    return `${toGrammar(schema).length} characters`;
  } catch (error) {
    if (error instanceof SchemaError) return error.message.slice(0, 90);
    throw error;
  }
}

function measure(name: string, schema: Schema): void {
  const json_schema = { name: 'n', schema };
  const body = JSON.stringify({
    model: 'm',
    messages: [{ role: 'user', content: 'a' }],
    response_format: { type: 'json_schema', json_schema },
  });
  if (body.length > maxBytes) throw new Error(`${name}: ${body.length} bytes`);
  let told = '';
  const times = list(rounds, () => ({
    read: cost(() => parseChatRequest(JSON.parse(body))),
    translate: cost(() => {
      told = outcome(schema);
    }),
  }));
  const median = (of: (time: (typeof times)[number]) => number) =>
    times.map(of).toSorted((a, b) => a - b)[rounds >> 1]!;
  const figures = [body.length / 1024, median(({ read }) => read), times[0]!.translate];
  const row = [...figures, median(({ translate }) => translate)];
  console.log(`${row.map((figure) => figure.toFixed(0).padStart(8)).join('')}  ${name}: ${told}`);
}

const { positionals } = parseArgs({ allowPositionals: true });
console.log('     KiB read, ms cold, ms     ms  translated or refused');
for (const [name, schema] of Object.entries(schemas)) {
  if (name.includes(positionals[0] ?? '')) measure(name, schema());
}
