// The rules of one grammar, written as they are come across. Bounded while they are, since a schema of a
// megabyte may ask for a grammar of many: what is translated in one turn of the event loop has an end.
import { SchemaError } from './schema-node.ts';

export const grammarLimits = { rules: 15_000, characters: 1_200_000 } as const;

export class GrammarRules {
  readonly written: string[] = [];
  #characters = 0;

  /** @returns its name. Throws SchemaError beyond the limits. */
  add(body: string, name = `rule${this.written.length}`): string {
    this.written.push(`${name} ::= ${this.counted(body)}`);
    const { length } = this.written;
    if (length <= grammarLimits.rules) return name;
    throw new SchemaError(`schema: it needs ${length} rules, at most ${grammarLimits.rules}`);
  }

  /** To be called with what will stand in a rule, too: an expression within others is copied into each. */
  counted(expression: string): string {
    this.#characters += expression.length;
    const { characters } = grammarLimits;
    if (this.#characters <= characters) return expression;
    throw new SchemaError(
      `schema: its grammar has ${this.#characters} characters, at most ${characters}`,
    );
  }
}
