// response_format of chat completions and text.format of responses → the grammar that an answer keeps to.
import { z } from 'zod';
import type { GenerationRequest } from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import { jsonObjectGrammar, toGrammar } from './json-schema/json-grammar.ts';
import { isNode, SchemaError } from './json-schema/schema-node.ts';
import type { SamplingFields } from './sampling-fields.ts';

/** Its keywords are read by toGrammar(): to look at each of many thousands here takes longer than to refuse them. */
const jsonSchema = z
  .unknown()
  .refine(isNode, 'expected an object')
  .meta({ type: 'object', additionalProperties: true });

/** `strict` is without effect: every schema is kept to. */
const namedSchema = {
  name: z.string().regex(/^[\w-]{1,64}$/, 'expected 1 to 64 letters, digits, _ or -'),
  description: z.string().nullish(),
  schema: jsonSchema.nullish(),
  strict: z.boolean().nullish(),
};

const unnamed = [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
] as const;

export const responseFormatSchema = z.discriminatedUnion('type', [
  ...unnamed,
  z.object({ type: z.literal('json_schema'), json_schema: z.object(namedSchema) }),
]);

/** The Responses API has the same without the inner object. */
export const textFormatSchema = z.discriminatedUnion('type', [
  ...unnamed,
  z.object({ type: z.literal('json_schema'), ...namedSchema }),
]);

type Format = z.output<typeof responseFormatSchema> | z.output<typeof textFormatSchema>;

/**
 * @param param the request field it came in, for errors
 * @returns what a generation request needs for it: nothing, where any text will do
 * Throws invalid_request for a schema that no grammar can hold to.
 */
export function settleFormat(
  format: Format | null | undefined,
  param: string,
  { ignore_eos, min_tokens }: Pick<SamplingFields, 'ignore_eos' | 'min_tokens'> = {},
): Pick<GenerationRequest, 'grammar'> {
  if (format == null || format.type === 'text') return {};
  if (ignore_eos || min_tokens) {
    const field = ignore_eos ? 'ignore_eos' : 'min_tokens';
    const supported = `none with ${param}: the format says where an answer may end`;
    throw apiError('unsupported_value', { param: field, given: 'this', supported });
  }
  const { schema } = 'json_schema' in format ? format.json_schema : { schema: null, ...format };
  try {
    return { grammar: schema == null ? jsonObjectGrammar : toGrammar(schema) };
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw apiError('invalid_request', { param, message: `${param}: ${error.message}` });
  }
}
