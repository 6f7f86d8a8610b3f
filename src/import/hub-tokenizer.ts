// The tokenizer of a Hugging Face directory: tokenizer.json, or vocab.json with merges.txt as GPT-2's
// first releases have it, with the special tokens and the chat template that other files name.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { addedToken, byteLevelBpe } from '../model/byte-level-bpe.ts';
import { lastQuestionTemplate } from '../model/chat-template.ts';
import { CheckpointError, readJson, readOptionalJson } from '../model/checkpoint-files.ts';

const tokenId = z.int().min(0);
const jsonSchema = z.looseObject({
  model: z.looseObject({ type: z.string(), vocab: z.record(z.string(), tokenId) }),
  added_tokens: z
    .array(z.looseObject({ id: tokenId, content: z.string(), special: z.boolean() }))
    .default([]),
  post_processor: z.looseObject({ type: z.string() }).nullish(),
});
/** Content of tokenizer.json, as far as an import changes it. */
export type TokenizerJson = z.output<typeof jsonSchema>;

const spelling = z
  .union([z.string(), z.looseObject({ content: z.string() }).transform(({ content }) => content)])
  .nullish();
const template = z.looseObject({ name: z.string(), template: z.string() });
const configSchema = z.looseObject({
  bos_token: spelling,
  eos_token: spelling,
  add_bos_token: z.boolean().nullish(),
  chat_template: z.union([z.string(), z.array(template)]).nullish(),
  added_tokens_decoder: z
    .record(z.string(), z.looseObject({ content: z.string(), special: z.boolean() }))
    .nullish(),
});
type TokenizerConfig = z.output<typeof configSchema>;

export type HubTokenizer = {
  json: TokenizerJson;
  eosToken: string | null;
  chatTemplate: string;
};

/** Throws CheckpointError where neither form is complete. */
export function readHubTokenizer(dir: string): HubTokenizer {
  const file = (name: string) => join(dir, name);
  const config = readOptionalJson(file('tokenizer_config.json'), configSchema) ?? {};
  const specials = readOptionalJson(file('special_tokens_map.json'), configSchema) ?? {};
  const json =
    readOptionalJson(file('tokenizer.json'), jsonSchema) ?? fromVocabulary(dir, config, specials);
  const eosToken = config.eos_token ?? specials.eos_token ?? null;
  const bosToken = config.bos_token ?? specials.bos_token ?? null;
  return { json, eosToken, chatTemplate: chatTemplateOf(dir, json, config, bosToken) };
}

function fromVocabulary(
  dir: string,
  config: TokenizerConfig,
  specials: TokenizerConfig,
): TokenizerJson {
  const vocabPath = join(dir, 'vocab.json');
  const mergesPath = join(dir, 'merges.txt');
  if (!existsSync(vocabPath) || !existsSync(mergesPath)) {
    throw new CheckpointError(
      dir,
      'neither tokenizer.json nor vocab.json with merges.txt is there',
    );
  }
  const vocab = readJson(vocabPath, z.record(z.string(), tokenId));
  const merges = readFileSync(mergesPath, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#version'));
  const added = new Map<number, ReturnType<typeof addedToken>>();
  const listed = readOptionalJson(join(dir, 'added_tokens.json'), z.record(z.string(), tokenId));
  for (const [content, id] of Object.entries(listed ?? {})) {
    added.set(id, addedToken(id, content, false));
  }
  for (const [id, { content, special }] of Object.entries(config.added_tokens_decoder ?? {})) {
    added.set(Number(id), addedToken(Number(id), content, special));
  }
  // GPT-2's own files name its one special token nowhere: it is the class's default.
  const ends = [config.bos_token, config.eos_token, specials.bos_token, specials.eos_token];
  for (const content of [...ends, '<|endoftext|>']) {
    const id = content == null ? undefined : vocab[content];
    if (content != null && id !== undefined) added.set(id, addedToken(id, content, true));
  }
  const sorted = [...added.values()].sort((a, b) => a.id - b.id);
  const built = byteLevelBpe({ vocab: Object.entries(vocab), merges, added: sorted });
  return jsonSchema.parse(built);
}

/** A base model brings none: it is given the last question, after <bos> where its texts begin so. */
function chatTemplateOf(
  dir: string,
  json: TokenizerJson,
  config: TokenizerConfig,
  bosToken: string | null,
): string {
  const path = join(dir, 'chat_template.jinja');
  if (existsSync(path)) return readFileSync(path, 'utf8');
  const own = config.chat_template;
  const chosen = Array.isArray(own) ? own.find(({ name }) => name === 'default')?.template : own;
  if (chosen) return chosen;
  const beginsTexts =
    bosToken !== null &&
    (config.add_bos_token ?? JSON.stringify(json.post_processor ?? null).includes(bosToken));
  return beginsTexts ? `{{ bos_token }}${lastQuestionTemplate}` : lastQuestionTemplate;
}
