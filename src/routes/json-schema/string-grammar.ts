// JSON strings that keep to a length, a format or a pattern, as EBNF.
import { formatGrammars } from './format-grammars.ts';
import { patternGrammar } from './pattern-grammar.ts';
import { limits, type Place, type Schema, SchemaError } from './schema-node.ts';

/** Throws SchemaError. */
export function stringGrammar(node: Schema, place: Place): string {
  const constraints = [
    node['pattern'] !== undefined && 'pattern',
    node['format'] !== undefined && 'format',
    (node['minLength'] !== undefined || node['maxLength'] !== undefined) && 'a length',
  ].filter((constraint) => constraint !== false);
  if (constraints.length > 1) {
    throw new SchemaError(`${place.path}: ${constraints.join(' beside ')} is not supported`);
  }
  if (constraints[0] === 'pattern') return quoted(patternOf(node['pattern'], place));
  if (constraints[0] === 'format') return quoted(formatOf(node['format'], place));
  const [least, greatest] = limits(node['minLength'], node['maxLength'], 'Length', place);
  if (least === 0 && greatest === Number.POSITIVE_INFINITY) return 'string';
  return quoted(greatest === Infinity ? `char{${least},}` : `ascii{${least},${greatest}}`);
}

const quoted = (text: string) => String.raw`("\"" ${text} "\"")`;

function patternOf(pattern: unknown, { path }: Place): string {
  if (typeof pattern === 'string') return patternGrammar(pattern, `${path}.pattern`);
  throw new SchemaError(`${path}.pattern: expected a regular expression`);
}

function formatOf(format: unknown, { path }: Place): string {
  if (typeof format === 'string' && Object.hasOwn(formatGrammars, format)) {
    return formatGrammars[format]!;
  }
  const known = Object.keys(formatGrammars).join(', ');
  throw new SchemaError(`${path}.format: only ${known}`);
}
