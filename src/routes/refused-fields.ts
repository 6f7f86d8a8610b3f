// What is refused unless its value asks for nothing. An endpoint refuses every field of this table that it does not
// honour: one that changes the answer elsewhere is nowhere ignored.
import type { RefusedFields } from './request-body.ts';

const format = 'Use response_format.';
const tools = 'These checkpoints were not trained to call tools.';
const template = 'The template is the checkpoint’s.';
const stateless = 'Nothing is stored: send the earlier turns with the request.';
const chat = 'Only /v1/chat/completions takes it.';
const completions = 'Only /v1/completions takes it.';
const responses = 'Only /v1/responses takes it.';

const refusals: RefusedFields = {
  // Other servers' names.
  guided_json: { neutral: [], reason: format },
  guided_regex: { neutral: [], reason: format },
  guided_choice: { neutral: [], reason: format },
  guided_grammar: { neutral: [], reason: format },
  structured_outputs: { neutral: [], reason: format },
  bad_words: { neutral: [[]], reason: 'Use logit_bias.' },
  allowed_token_ids: { neutral: [], reason: 'Use logit_bias.' },
  chat_template: { neutral: [], reason: template },
  chat_template_kwargs: { neutral: [{}], reason: template },
  // What no checkpoint here can do.
  tools: { neutral: [[]], reason: tools },
  tool_choice: { neutral: ['none', 'auto'], reason: tools },
  functions: { neutral: [[]], reason: tools },
  function_call: { neutral: ['none', 'auto'], reason: tools },
  modalities: { neutral: [['text']], reason: 'Answers are text.' },
  audio: { neutral: [], reason: 'Answers are text.' },
  web_search_options: { neutral: [], reason: 'There is no web search.' },
  moderation: { neutral: [], reason: 'There is no moderation.' },
  verbosity: { neutral: ['medium'], reason: 'These checkpoints have one way to answer.' },
  suffix: { neutral: [''], reason: 'These checkpoints continue text; they do not fill gaps.' },
  previous_response_id: { neutral: [], reason: stateless },
  conversation: { neutral: [], reason: stateless },
  background: { neutral: [false], reason: stateless },
  truncation: { neutral: ['disabled'], reason: 'Prompts are never cut.' },
  // What one endpoint honours and another has not, or calls otherwise.
  messages: { neutral: [], reason: chat },
  max_completion_tokens: { neutral: [], reason: chat },
  response_format: { neutral: [{ type: 'text' }], reason: chat },
  latent_trace: { neutral: [false], reason: chat },
  reasoning_effort: { neutral: [], reason: chat },
  prompt: { neutral: [], reason: completions },
  max_tokens: { neutral: [], reason: completions },
  n: { neutral: [1], reason: completions },
  best_of: { neutral: [0, 1], reason: completions },
  echo: { neutral: [false], reason: completions },
  logprobs: { neutral: [false], reason: completions },
  return_token_ids: { neutral: [false], reason: completions },
  input: { neutral: [], reason: responses },
  instructions: { neutral: [''], reason: responses },
  max_output_tokens: { neutral: [], reason: responses },
  reasoning: { neutral: [{}], reason: responses },
  text: { neutral: [{}, { format: { type: 'text' } }], reason: responses },
  include: { neutral: [[]], reason: responses },
  top_logprobs: { neutral: [0], reason: responses },
};

/**
 * @param honoured the endpoint's own fields
 * @param instead by the name of a field, the one that it has for the same
 */
export function refusedBeside(
  honoured: readonly string[],
  instead: Record<string, string>,
): RefusedFields {
  const others = Object.entries(refusals).filter(([field]) => !honoured.includes(field));
  return Object.fromEntries(
    others.map(([field, { neutral, reason }]) => {
      const own = instead[field];
      return [field, { neutral, reason: own === undefined ? reason : `Use ${own}.` }];
    }),
  );
}
