// Messages through the checkpoint's template: to a prompt, and to what it reads of them at all.
import { apiError } from '../errors.ts';
import {
  ChatTemplateError,
  renderChatPieces,
  type TemplateMessage,
  templateReads,
} from '../model/chat-template.ts';
import { encodePromptPieces, type Prompt } from './generation.ts';
import type { ServedModel } from './served-model.ts';

/** A template may refuse messages, e.g. when none is a user's: that is invalid_request. */
export function chatPrompt(messages: TemplateMessage[], param: string, model: ServedModel): Prompt {
  try {
    const { chatTemplate, tokenizer } = model;
    const pieces = renderChatPieces(chatTemplate, messages, tokenizer.specials, namesOf(model));
    return { ids: encodePromptPieces(pieces, param, model), layout: 'trained', param };
  } catch (error) {
    if (!(error instanceof ChatTemplateError)) throw error;
    throw apiError('invalid_request', { param, message: error.message });
  }
}

/** What templates call the tokens that begin and end a text. */
function namesOf({ config, tokenizer }: ServedModel): Record<string, string> {
  const { bos_token_id, eos_token_id } = config;
  return {
    bos_token: bos_token_id === null ? '' : tokenizer.tokenOf(bos_token_id),
    eos_token: tokenizer.tokenOf(eos_token_id),
  };
}

/** Which messages beside the last question reach the model. */
export function messagesRead(model: ServedModel): { system: boolean; earlier_turns: boolean } {
  const { system, earlierTurns } = templateReads(model.chatTemplate, namesOf(model));
  return { system, earlier_turns: earlierTurns };
}
