// JSON Schema → an EBNF grammar of exactly the texts that are JSON and valid. What a grammar cannot
// hold to is refused by name; where it allows less than the schema does, docs/api.md says so.
import { ExclusiveOptions } from './exclusive-options.ts';
import { GrammarRules } from './grammar-rules.ts';
import { numberGrammar } from './number-grammar.ts';
import { checkSize } from './schema-limits.ts';
import {
  definitionOf,
  isNode,
  limits,
  onlyKeys,
  type Place,
  type Schema,
  SchemaError,
  within,
} from './schema-node.ts';
import { stringGrammar } from './string-grammar.ts';

/** Schemas inside one another, references followed: they are read by recursion. */
export const maxSchemaDepth = 64;

const keywordsOf: Record<string, readonly string[]> = {
  string: ['minLength', 'maxLength', 'format', 'pattern'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
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
  checkSize(schema);
  const rules = new GrammarRules();
  const translation = new Translation(schema, rules);
  const root = translation.of(schema, { path: 'schema', depth: 0, refs: [] });
  return [`root ::= ${root}`, ...rules.written, terminals].join('\n');
}

/** One schema on its way; each node is come across once, and once more where it is referred to. */
class Translation {
  readonly #rules: GrammarRules;
  readonly #root: unknown;
  /** By reference: what it leads to, and the rule of those that are written. */
  readonly #targets = new Map<unknown, unknown>();
  readonly #definitions = new Map<unknown, string>();
  readonly #exclusive = new ExclusiveOptions((ref) => this.#target(ref));

  constructor(root: unknown, rules: GrammarRules) {
    this.#root = root;
    this.#rules = rules;
  }

  /** @returns an expression that can stand anywhere in a rule */
  of(schema: unknown, place: Place): string {
    return this.#rules.counted(this.#expression(schema, place));
  }

  #expression(schema: unknown, place: Place): string {
    if (place.depth > maxSchemaDepth) {
      throw new SchemaError(`${place.path}: nested more than ${maxSchemaDepth} deep`);
    }
    if (schema === true) return 'value';
    if (!isNode(schema)) {
      throw new SchemaError(`${place.path}: expected a schema, got ${JSON.stringify(schema)}`);
    }
    const node = schema;
    if ('$ref' in node) return this.#ref(node, place);
    if ('const' in node) return literals(node, [node['const']], 'const', place);
    if ('enum' in node) return literals(node, node['enum'], 'enum', place);
    if ('anyOf' in node) return this.#anyOf(node, 'anyOf', place);
    if ('oneOf' in node) return this.#oneOf(node, place);
    if ('type' in node) return this.#typed(node, place);
    onlyKeys(node, [], place);
    return 'value';
  }

  #ref(node: Schema, place: Place): string {
    onlyKeys(node, ['$ref'], place);
    const ref = node['$ref'];
    const target = this.#target(ref);
    if (typeof ref !== 'string' || target === undefined) {
      const given = typeof ref === 'string' ? ref : JSON.stringify(ref);
      throw new SchemaError(`${place.path}: there is no ${given} in this schema`);
    }
    if (place.refs.includes(ref)) {
      throw new SchemaError(`${place.path}: ${ref} refers to itself with nothing in between`);
    }
    const known = this.#definitions.get(ref);
    if (known !== undefined) return known;
    const rule = `def${this.#definitions.size}`;
    this.#definitions.set(ref, rule);
    const at = { path: ref, depth: place.depth + 1, refs: [...place.refs, ref] };
    return this.#rules.add(this.of(target, at), rule);
  }

  /** Read once: a reference may be long, and followed often. */
  #target(ref: unknown): unknown {
    if (!this.#targets.has(ref)) this.#targets.set(ref, definitionOf(this.#root, ref));
    return this.#targets.get(ref);
  }

  #anyOf(node: Schema, key: 'anyOf' | 'oneOf', place: Place): string {
    onlyKeys(node, [key], place);
    const options = listOf(node, key, place);
    const deeper = { ...place, depth: place.depth + 1 };
    return either(
      options.map((option, i) =>
        this.of(option, { ...deeper, path: `${place.path}.${key}[${i}]` }),
      ),
    );
  }

  /** A grammar has no exclusive or: it is anyOf where no two options can hold at once. */
  #oneOf(node: Schema, place: Place): string {
    const overlap = this.#exclusive.firstOverlap(listOf(node, 'oneOf', place));
    if (overlap === null) return this.#anyOf(node, 'oneOf', place);
    throw new SchemaError(
      `${place.path}.oneOf: ${overlap.join(' and ')} may hold at once; options must differ in ` +
        'type, in their constant values, or in a required property',
    );
  }

  #typed(node: Schema, place: Place): string {
    const types = typesOf(node, place);
    onlyKeys(node, ['type', ...types.flatMap((type) => keywordsOf[type]!)], place);
    return either(types.map((type) => this.#ofType(type, node, place)));
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
    const [least, most] = limits(minItems, maxItems, 'Items', place);
    const prefix = 'prefixItems' in node ? listOf(node, 'prefixItems', place) : [];
    const first = prefix.map((item, i) => this.of(item, within(place, `.prefixItems[${i}]`)));
    const greatest = items === false ? Math.min(most, first.length) : most;
    if (least > greatest) {
      throw new SchemaError(`${place.path}: ${least} items where there are at most ${greatest}`);
    }
    const more = greatest > first.length ? this.of(items, within(place, '.items')) : null;
    return this.#rules.add(`"[" ws ${this.#items(first, more, [least, greatest])} ws "]"`);
  }

  /** Each of `first` in its place, then `more`. Written from the end. */
  #items(
    first: readonly string[],
    more: string | null,
    [least, greatest]: readonly [number, number],
  ): string {
    const all = first.slice(0, greatest);
    const head = all[0] ?? more;
    if (head === null || greatest === 0) return '""';
    const known = Math.max(1, all.length);
    let next = more
      ? `(ws "," ws ${more})${repeated(Math.max(0, least - known), greatest - known)}`
      : '""';
    for (let i = all.length - 1; i > 0; i--) {
      const rest = `ws "," ws ${all[i]} ${next}`;
      next = this.#rules.add(i < least ? rest : `(${rest})?`);
    }
    return least === 0 ? `(${head} ${next})?` : `${head} ${next}`;
  }

  #object(node: Schema, place: Place): string {
    const { properties = {}, required = [], additionalProperties: others } = node;
    if (!isNode(properties) || !Array.isArray(required)) {
      throw new SchemaError(`${place.path}: properties must be an object, required a list`);
    }
    const names = Object.keys(properties);
    const needed = new Set<unknown>(required);
    const unknown = required.find(
      (name) => typeof name !== 'string' || !Object.hasOwn(properties, name),
    );
    if (unknown !== undefined) {
      throw new SchemaError(`${place.path}.required: ${JSON.stringify(unknown)} is no property`);
    }
    if (needed.size < required.length) {
      throw new SchemaError(
        `${place.path}.required: ${required.length} names, of which ${needed.size} differ`,
      );
    }
    if (names.length === 0) return this.#map(others, place);
    if (typeof others === 'object') {
      throw new SchemaError(
        `${place.path}.additionalProperties: only true or false with properties`,
      );
    }
    const members = names.map((name) => {
      const value = this.of(properties[name], within(place, `.properties.${name}`));
      return { pair: `${literal(name)} ws ":" ws ${value}`, isRequired: needed.has(name) };
    });
    return this.#rules.add(`"{" ws ${this.#members(members)} ws "}"`);
  }

  /** In the schema's order. Two rules per property: what may follow before and after the first pair. */
  #members(members: readonly { pair: string; isRequired: boolean }[]): string {
    let [first, next] = ['""', '""'];
    for (const { pair, isRequired } of members.toReversed()) {
      first = this.#rules.add(isRequired ? `${pair} ${next}` : `${pair} ${next} | ${first}`);
      next = this.#rules.add(
        `${isRequired ? `ws "," ws ${pair}` : `(ws "," ws ${pair})?`} ${next}`,
      );
    }
    return first;
  }

  /** Any names, their values alike. */
  #map(others: unknown, place: Place): string {
    if (others === undefined || others === true) return 'object';
    if (others === false) return '("{" ws "}")';
    const pair = `string ws ":" ws ${this.of(others, within(place, '.additionalProperties'))}`;
    return this.#rules.add(`"{" ws (${pair} (ws "," ws ${pair})*)? ws "}"`);
  }
}

/** Throws SchemaError unless each is a type, and there once: what is said of arrays would be written for each. */
function typesOf(node: Schema, { path }: Place): string[] {
  const types: unknown[] = [node['type']].flat();
  const isType = (type: unknown) => typeof type === 'string' && Object.hasOwn(keywordsOf, type);
  const unknown = types.find((type) => !isType(type));
  if (types.length === 0 || unknown !== undefined) {
    throw new SchemaError(`${path}.type: ${JSON.stringify(unknown)} is no type`);
  }
  const { size } = new Set(types);
  if (size === types.length) return types as string[];
  throw new SchemaError(`${path}.type: ${types.length} types, of which ${size} differ`);
}

/** Throws SchemaError unless it is a list that holds something. */
function listOf(node: Schema, key: string, { path }: Place): readonly unknown[] {
  const list = node[key];
  if (Array.isArray(list) && list.length > 0) return list;
  throw new SchemaError(`${path}.${key}: expected a list of schemas`);
}

function literals(node: Schema, values: unknown, key: string, place: Place): string {
  onlyKeys(node, [key, 'type'], place);
  if (!Array.isArray(values) || values.length === 0) {
    throw new SchemaError(`${place.path}.${key}: expected a list of values`);
  }
  const types = 'type' in node ? typesOf(node, place) : [];
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
