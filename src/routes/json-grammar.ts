// JSON Schema → an EBNF grammar of exactly the texts that are JSON and valid. What a grammar cannot
// hold to is refused by name; where it allows less than the schema does, docs/api.md says so.
import { formatGrammars } from './format-grammars.ts';
import { type Bound, decimalGrammar, integerGrammar, unbounded } from './number-grammar.ts';

/** Names the place in the schema. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

export const maxSchemaLength = 32_768;
export const maxSchemaDepth = 16;
/** Of array lengths and string lengths: each step to it is a state of the compiled grammar. */
export const maxRepetition = 1024;

type Schema = Readonly<Record<string, unknown>>;

/** They say nothing about the value. */
const annotations = [
  '$schema $id $comment $defs definitions title description default examples',
  'deprecated readOnly writeOnly',
].flatMap((line) => line.split(' '));

const keywordsOf: Record<string, readonly string[]> = {
  string: ['minLength', 'maxLength', 'format'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  array: ['items', 'minItems', 'maxItems'],
  object: ['properties', 'required', 'additionalProperties'],
  boolean: [],
  null: [],
};

/**
 * White space, digits and exponents are bounded, so that no model can write them for ever. `char`
 * holds any character; `ascii` is for counted ones, since malformed UTF-8 would count otherwise.
 */
const terminals = String.raw`
ws ::= "" | " " | "\n" [ \t]{0,20}
char ::= [^"\\\x00-\x1F] | escape
ascii ::= [ !#-\[\]-\x7F] | escape
escape ::= "\\" (["\\/bfnrt] | "u" code)
code ::= [0-9A-Ca-cE-Fe-f] hex hex hex | [Dd] [0-7] hex hex
hex ::= [0-9A-Fa-f]
string ::= "\"" char* "\""
integer ::= "-"? ("0" | [1-9] [0-9]{0,14})
number ::= integer ("." [0-9]{1,15})? ([eE] [+\-]? [0-9]{1,2})?
value ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ws (member (ws "," ws member)*)? ws "}"
member ::= string ws ":" ws value
array ::= "[" ws (value (ws "," ws value)*)? ws "]"
`.trimStart();

/** Any JSON object. */
export const jsonObjectGrammar = `root ::= object\n${terminals}`;

/** Throws SchemaError. */
export function toGrammar(schema: unknown): string {
  const { length } = JSON.stringify(schema);
  if (length > maxSchemaLength) {
    throw new SchemaError(
      `the schema has ${length} characters, at most ${maxSchemaLength} are read`,
    );
  }
  const rules = new Rules(schema);
  const root = rules.of(schema, { path: 'schema', depth: 0, refs: [] });
  return [`root ::= ${root}`, ...rules.written, terminals].join('\n');
}

/** `refs` were followed to get here without a character in between. */
type Place = { path: string; depth: number; refs: readonly string[] };

/** One schema's rules, written as they are come across; definitions once each. */
class Rules {
  readonly written: string[] = [];
  readonly #root: unknown;
  readonly #definitions = new Map<string, string>();

  constructor(root: unknown) {
    this.#root = root;
  }

  /** @returns an expression that can stand anywhere in a rule */
  of(schema: unknown, place: Place): string {
    if (place.depth > maxSchemaDepth) {
      throw new SchemaError(`${place.path}: nested more than ${maxSchemaDepth} deep`);
    }
    if (schema === true) return 'value';
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
      throw new SchemaError(`${place.path}: expected a schema, got ${JSON.stringify(schema)}`);
    }
    const node = schema as Schema;
    if ('$ref' in node) return this.#ref(node, place);
    if ('const' in node) return literals(node, [node['const']], 'const', place);
    if ('enum' in node) return literals(node, node['enum'], 'enum', place);
    if ('anyOf' in node) return this.#anyOf(node, place);
    if ('type' in node) return this.#typed(node, place);
    onlyKeys(node, [], place);
    return 'value';
  }

  #ref(node: Schema, place: Place): string {
    onlyKeys(node, ['$ref'], place);
    const ref = String(node['$ref']);
    if (place.refs.includes(ref)) {
      throw new SchemaError(`${place.path}: ${ref} refers to itself with nothing in between`);
    }
    const known = this.#definitions.get(ref);
    if (known !== undefined) return known;
    const [, key, name = ''] = ref.match(/^#\/(\$defs|definitions)\/([^/~%]+)$/) ?? [];
    const definitions = key === undefined ? undefined : (this.#root as Schema)[key];
    const isDefined = ref === '#' || Object.hasOwn(Object(definitions), name);
    if (!isDefined) throw new SchemaError(`${place.path}: there is no ${ref} in this schema`);
    const target = ref === '#' ? this.#root : (definitions as Schema)[name];
    const rule = `def${this.#definitions.size}`;
    this.#definitions.set(ref, rule);
    const at = { path: ref, depth: place.depth, refs: [...place.refs, ref] };
    this.written.push(`${rule} ::= ${this.of(target, at)}`);
    return rule;
  }

  #anyOf(node: Schema, place: Place): string {
    onlyKeys(node, ['anyOf'], place);
    const options = node['anyOf'];
    if (!Array.isArray(options) || options.length === 0) {
      throw new SchemaError(`${place.path}.anyOf: expected a list of schemas`);
    }
    const deeper = { ...place, depth: place.depth + 1 };
    return either(
      options.map((option, i) => this.of(option, { ...deeper, path: `${place.path}.anyOf[${i}]` })),
    );
  }

  #typed(node: Schema, place: Place): string {
    const types = [node['type']].flat();
    const unknown = types.find((type) => !Object.hasOwn(keywordsOf, String(type)));
    if (types.length === 0 || unknown !== undefined) {
      throw new SchemaError(`${place.path}.type: ${JSON.stringify(unknown)} is no type`);
    }
    onlyKeys(node, ['type', ...types.flatMap((type) => keywordsOf[String(type)]!)], place);
    return either(types.map((type) => this.#ofType(String(type), node, place)));
  }

  #ofType(type: string, node: Schema, place: Place): string {
    switch (type) {
      case 'object':
        return this.#object(node, place);
      case 'array':
        return this.#array(node, place);
      case 'string':
        return stringGrammar(node, place);
      case 'boolean':
        return '("true" | "false")';
      case 'null':
        return '"null"';
      default:
        return numberGrammar(type, node, place);
    }
  }

  #array(node: Schema, place: Place): string {
    const { minItems, maxItems, items = true } = node;
    const [least, greatest] = limits(minItems, maxItems, 'Items', place);
    if (greatest === 0 || items === false) {
      if (least > 0) throw new SchemaError(`${place.path}: an empty array of ${least} items`);
      return '("[" ws "]")';
    }
    const item = this.of(items, within(place, '.items'));
    const more = `(ws "," ws ${item})${repeated(Math.max(0, least - 1), greatest - 1)}`;
    const some = `${item} ${more}`;
    return this.#rule(`"[" ws ${least === 0 ? `(${some})?` : some} ws "]"`);
  }

  #object(node: Schema, place: Place): string {
    const { properties = {}, required = [], additionalProperties: others } = node;
    if (typeof properties !== 'object' || properties === null || !Array.isArray(required)) {
      throw new SchemaError(`${place.path}: properties must be an object, required a list`);
    }
    const names = Object.keys(properties);
    const unknown = required.find((name) => !names.includes(name));
    if (unknown !== undefined) {
      throw new SchemaError(`${place.path}.required: ${JSON.stringify(unknown)} is no property`);
    }
    if (names.length === 0) return this.#map(others, place);
    if (typeof others === 'object') {
      throw new SchemaError(
        `${place.path}.additionalProperties: only true or false with properties`,
      );
    }
    const members = names.map((name) => {
      const value = this.of((properties as Schema)[name], within(place, `.properties.${name}`));
      return { pair: `${literal(name)} ws ":" ws ${value}`, isRequired: required.includes(name) };
    });
    return this.#rule(`"{" ws ${this.#members(members)} ws "}"`);
  }

  /** In the schema's order. Two rules per property: what may follow before and after the first pair. */
  #members(members: readonly { pair: string; isRequired: boolean }[]): string {
    let [first, next] = ['""', '""'];
    for (const { pair, isRequired } of members.toReversed()) {
      first = this.#rule(isRequired ? `${pair} ${next}` : `${pair} ${next} | ${first}`);
      next = this.#rule(`${isRequired ? `ws "," ws ${pair}` : `(ws "," ws ${pair})?`} ${next}`);
    }
    return first;
  }

  /** Any names, their values alike. */
  #map(others: unknown, place: Place): string {
    if (others === undefined || others === true) return 'object';
    if (others === false) return '("{" ws "}")';
    const pair = `string ws ":" ws ${this.of(others, within(place, '.additionalProperties'))}`;
    return this.#rule(`"{" ws (${pair} (ws "," ws ${pair})*)? ws "}"`);
  }

  #rule(body: string): string {
    const name = `rule${this.written.length}`;
    this.written.push(`${name} ::= ${body}`);
    return name;
  }
}

const within = ({ path, depth }: Place, step: string): Place => ({
  path: path + step,
  depth: depth + 1,
  refs: [],
});

function onlyKeys(node: Schema, allowed: readonly string[], { path }: Place): void {
  const other = Object.keys(node).find(
    (key) => !allowed.includes(key) && !annotations.includes(key),
  );
  if (other === undefined) return;
  const beside = allowed[0] === undefined ? 'without a type' : `beside ${allowed[0]}`;
  throw new SchemaError(`${path}: the keyword ${JSON.stringify(other)} is not supported ${beside}`);
}

function literals(node: Schema, values: unknown, key: string, place: Place): string {
  onlyKeys(node, [key, 'type'], place);
  if (!Array.isArray(values) || values.length === 0) {
    throw new SchemaError(`${place.path}.${key}: expected a list of values`);
  }
  const types = [node['type'] ?? []].flat().map(String);
  const bad = values.find((value) => !isScalar(value) || !hasType(value, types));
  if (bad === undefined) return either(values.map(literal));
  throw new SchemaError(`${place.path}.${key}: ${JSON.stringify(bad)} is no value of this type`);
}

const isScalar = (value: unknown) => value === null || typeof value !== 'object';

function hasType(value: unknown, types: readonly string[]): boolean {
  if (types.length === 0) return true;
  if (typeof value === 'number' && Number.isInteger(value) && types.includes('integer'))
    return true;
  return types.includes(value === null ? 'null' : typeof value);
}

/** Quoted twice: as JSON has it, and as a literal of the grammar. */
const literal = (value: unknown) => JSON.stringify(JSON.stringify(value));

const either = (options: readonly string[]) =>
  options.length === 1 ? options[0]! : `(${options.join(' | ')})`;

const repeated = (least: number, greatest: number) =>
  greatest === Number.POSITIVE_INFINITY ? `{${least},}` : `{${least},${greatest}}`;

function stringGrammar({ minLength, maxLength, format }: Schema, place: Place): string {
  const [least, greatest] = limits(minLength, maxLength, 'Length', place);
  const isCounted = least > 0 || greatest < Number.POSITIVE_INFINITY;
  if (format === undefined) {
    if (!isCounted) return 'string';
    const character = greatest === Number.POSITIVE_INFINITY ? 'char' : 'ascii';
    return String.raw`("\"" ${character}${repeated(least, greatest)} "\"")`;
  }
  if (!Object.hasOwn(formatGrammars, String(format)) || isCounted) {
    const known = Object.keys(formatGrammars).join(', ');
    throw new SchemaError(`${place.path}.format: only ${known}, and without a length`);
  }
  return String.raw`("\"" ${formatGrammars[String(format)]} "\"")`;
}

function numberGrammar(type: string, node: Schema, place: Place): string {
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

/** min… and max… of `what`; infinite where there is no maximum. */
function limits(least: unknown, greatest: unknown, what: string, { path }: Place) {
  const isLimit = (value: unknown) =>
    value === undefined || (Number.isInteger(value) && (value as number) >= 0);
  const given = [least, greatest].filter((value) => value !== undefined) as number[];
  const isOrdered = ((least ?? 0) as number) <= ((greatest ?? Infinity) as number);
  if (isLimit(least) && isLimit(greatest) && isOrdered && Math.max(0, ...given) <= maxRepetition) {
    return [(least ?? 0) as number, (greatest ?? Number.POSITIVE_INFINITY) as number] as const;
  }
  throw new SchemaError(
    `${path}: min${what} ≤ max${what} must be whole numbers to ${maxRepetition}`,
  );
}
