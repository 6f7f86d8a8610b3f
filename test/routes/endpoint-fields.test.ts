// The field tables of completions and responses against OpenAI's description, as chat-fields.test.ts
// does for chat: honoured, accepted without effect, or refused by name; and written down. And the tables of all three
// against each other: what changes an answer somewhere is ignored nowhere.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/errors.ts';
import { acceptedFields, honouredFields, refusedFields } from '../../src/routes/chat-fields.ts';
import {
  acceptedCompletionFields,
  honouredCompletionFields,
  parseCompletionRequest,
  refusedCompletionFields,
} from '../../src/routes/completion-fields.ts';
import {
  acceptedResponseFields,
  honouredResponseFields,
  parseResponseRequest,
  refusedResponseFields,
} from '../../src/routes/response-fields.ts';
import { refusalOf } from '../support/refusal.ts';

const tables = [
  {
    name: 'completions',
    base: { model: 'm', prompt: 'hi' },
    parse: parseCompletionRequest as (body: unknown) => object,
    honoured: honouredCompletionFields,
    accepted: acceptedCompletionFields,
    refused: refusedCompletionFields,
    described: [
      'model prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty',
      'seed stop stream stream_options suffix temperature top_p user',
    ],
  },
  {
    name: 'responses',
    base: { model: 'm', input: 'hi' },
    parse: parseResponseRequest as (body: unknown) => object,
    honoured: honouredResponseFields,
    accepted: acceptedResponseFields,
    refused: refusedResponseFields,
    described: [
      'metadata top_logprobs temperature top_p user safety_identifier prompt_cache_key service_tier',
      'prompt_cache_retention previous_response_id model reasoning background max_output_tokens',
      'max_tool_calls text tools tool_choice prompt truncation input include parallel_tool_calls',
      'store instructions stream stream_options conversation',
    ],
  },
];

describe.each(tables)(
  'the fields of $name',
  ({ base, parse, honoured, accepted, refused, described }) => {
    const placed = [...honoured, ...accepted, ...Object.keys(refused)];

    it('are each in one table, every field of OpenAI’s description among them', () => {
      const fields = described.flatMap((line) => line.split(' '));
      expect(fields.filter((field) => !placed.includes(field))).toEqual([]);
      expect(new Set(placed).size).toBe(placed.length);
    });

    it('are written down in docs/api.md', () => {
      const docs = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
      expect(placed.filter((field) => !docs.includes(`\`${field}\``))).toEqual([]);
    });

    it.each([...accepted])('%s is accepted whatever it holds', (field) => {
      expect(parse({ ...base, [field]: 'anything' })).not.toHaveProperty(field);
    });

    it.each(Object.keys(refused))(
      '%s is refused by name, and passes at its neutral values',
      (field) => {
        let error: unknown;
        try {
          parse({ ...base, [field]: 'something else' });
        } catch (cause) {
          error = cause;
        }
        expect(error).toBeInstanceOf(ApiError);
        expect(error).toMatchObject({ status: 400, param: field });
        for (const value of [...(refused[field]?.neutral ?? []), null]) {
          expect(parse({ ...base, [field]: value })).toMatchObject(base);
        }
      },
    );
  },
);

const chat = {
  name: 'chat',
  honoured: honouredFields,
  accepted: acceptedFields,
  refused: refusedFields,
};

describe('a field of one endpoint', () => {
  const all = [chat, ...tables];
  const known = new Set(
    all.flatMap(({ honoured, refused }) => [...honoured, ...Object.keys(refused)]),
  );

  it.each(all)('is in a table of $name', ({ honoured, accepted, refused }) => {
    const placed = new Set([...honoured, ...accepted, ...Object.keys(refused)]);
    expect([...known].filter((field) => !placed.has(field))).toEqual([]);
  });

  it('may be an extension of ours', () => {
    const extensions = [
      'latent_stop',
      'latent_trace',
      'latent_control',
      'top_k',
      'return_token_ids',
    ];
    for (const field of extensions) expect(known).toContain(field);
  });

  it('is refused with the name that another has for it', () => {
    const refusal = refusalOf(() =>
      parseResponseRequest({ model: 'm', input: 'hi', max_tokens: 5 }),
    );
    expect(refusal).toMatchObject({ code: 'unsupported_parameter', param: 'max_tokens' });
    expect(refusal.message).toContain('Use max_output_tokens.');
  });
});
