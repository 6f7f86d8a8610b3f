// Schemas that a grammar can hold to, one per thing that can go wrong, for random walks through them.

const object = (properties: object, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const bounds: [number | undefined, number | undefined][] = [
  [0, 5],
  [-17, 123],
  [7, undefined],
  [undefined, -3],
  [-5, -5],
  [-1000, 1000],
  [95, 1234],
  [-1, 0],
  [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
];

function bounded(type: 'integer' | 'number'): [string, object][] {
  return bounds.flatMap(([from, to]): [string, object][] => {
    const closed = { type, minimum: from, maximum: to };
    const open = { type, exclusiveMinimum: from, exclusiveMaximum: to };
    const isEmpty = from === to || (type === 'integer' && to === 0);
    const name = `${type} ${from ?? ''}..${to ?? ''}`;
    return isEmpty
      ? [[name, closed]]
      : [
          [name, closed],
          [`${name} open`, open],
        ];
  });
}

const list = object({ value: { type: 'integer' }, next: {} });
const linked = { $defs: { list }, $ref: '#/$defs/list' };
list.properties = {
  value: { type: 'integer' },
  next: { anyOf: [{ $ref: '#/$defs/list' }, { type: 'null' }] },
};

export const holdable: Record<string, object> = {
  anything: {},
  object: { type: 'object' },
  map: { type: 'object', additionalProperties: { type: 'integer' } },
  'empty object': { type: 'object', additionalProperties: false },
  array: { type: 'array' },
  'array of 2 to 4': { type: 'array', items: { type: 'boolean' }, minItems: 2, maxItems: 4 },
  'array from 2': { type: 'array', items: { type: 'boolean' }, minItems: 2 },
  'array to 1': { type: 'array', items: { type: 'null' }, maxItems: 1 },
  'array of none': { type: 'array', items: { type: 'null' }, maxItems: 0 },
  integer: { type: 'integer' },
  number: { type: 'number' },
  ...Object.fromEntries([...bounded('integer'), ...bounded('number')]),
  'number either open': { type: 'number', minimum: 1, exclusiveMinimum: 1, maximum: 2 },
  string: { type: 'string' },
  'string of 2 to 5': { type: 'string', minLength: 2, maxLength: 5 },
  'string from 3': { type: 'string', minLength: 3 },
  'string of none': { type: 'string', maxLength: 0 },
  date: { type: 'string', format: 'date' },
  time: { type: 'string', format: 'time' },
  'date-time': { type: 'string', format: 'date-time' },
  uuid: { type: 'string', format: 'uuid' },
  ipv4: { type: 'string', format: 'ipv4' },
  email: { type: 'string', format: 'email' },
  ipv6: { type: 'string', format: 'ipv6' },
  duration: { type: 'string', format: 'duration' },
  hostname: { type: 'string', format: 'hostname' },
  'pattern bound at both ends': { type: 'string', pattern: '^[A-Z]{2}-\\d{3,5}(\\.[a-f]+)?$' },
  'pattern anywhere': { type: 'string', pattern: '[^"\\\\]\\s' },
  'patterns to choose from': { type: 'string', pattern: '^a|b$|^(?:x|é|.)*?$' },
  'pattern of control characters': { type: 'string', pattern: '^[\\x00-\\x1f"\\\\/]{3}$' },
  tuple: { type: 'array', prefixItems: [{ type: 'null' }, { type: 'boolean' }] },
  'closed tuple': {
    type: 'array',
    prefixItems: [{ type: 'null' }, { type: 'boolean' }, { const: 1 }],
    items: false,
    minItems: 2,
  },
  'tuple of at least 4': {
    type: 'array',
    prefixItems: [{ type: 'null' }, { type: 'boolean' }],
    items: { const: 1 },
    minItems: 4,
    maxItems: 6,
  },
  'one of': { oneOf: [{ type: 'integer' }, { enum: ['a', 'b'] }, { const: 'c' }] },
  enum: { enum: ['a', 'b"c\\', 3, null, true, 0.1, 1e21, -2.5, 'é', '\n', '😀', '\u2028'] },
  const: { type: 'string', const: 'x' },
  'all required': object({ a: { type: 'integer' }, b: { type: 'string' }, c: { type: 'boolean' } }),
  'one required': object({ a: { type: 'integer' }, b: { type: 'boolean' }, c: {} }, ['b']),
  'none required': object({ a: { type: 'null' }, b: { type: 'null' }, c: { type: 'null' } }, []),
  'odd names': object({
    'a"b': { type: 'null' },
    é: { type: 'null' },
    '': { type: 'null' },
    '\\': {},
  }),
  nested: object({ x: { type: 'array', items: object({ y: { type: 'null' } }), minItems: 1 } }),
  alternatives: { anyOf: [{ type: 'integer' }, object({ k: { const: 'v' } })] },
  'several types': { type: ['integer', 'null', 'array'], minItems: 1, maximum: 3 },
  recursion: linked,
  'recursion of the root': object({ kids: { type: 'array', items: { $ref: '#' } } }),
  annotated: { title: 't', description: 'd', default: 1, examples: [2], type: 'boolean' },
};
