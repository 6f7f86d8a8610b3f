// One answer on the page: it fills while the stream comes, and tells in the end what it came to.
import { element } from './elements.js';
import { thoughtList } from './thought-list.js';
import { isRight, tokensOf } from './verdict.js';

/**
 * @typedef {import('./api.js').Chunk} Chunk
 * @typedef {{ verdict: 'right' | 'wrong' | null, tokens: import('./verdict.js').Tokens,
 *   totalMs: number | null }} Outcome  verdict: null where the right answer is not known
 */

export class AnswerCard {
  #text = '';
  /** @type {import('./verdict.js').Tokens | null} */
  #tokens = null;
  /** @type {number | null} */
  #totalMs = null;
  #answer = element('p', { className: 'answer', ariaLive: 'polite' });
  #state = element('p', { className: 'note' }, 'waiting');
  #thoughts = element('div');
  #events = element('pre');
  #expected;
  root;

  /** @param {string} title @param {string | null} expected null: not known */
  constructor(title, expected) {
    this.#expected = expected;
    const summary = element('summary', {}, 'Events as they came');
    this.root = element(
      'article',
      {},
      element('h3', {}, title),
      this.#answer,
      this.#state,
      this.#thoughts,
      element('details', {}, summary, this.#events),
    );
  }

  /** @param {{ line: string, chunk: Chunk }} event */
  take({ line, chunk }) {
    this.#events.append(`${line}\n`);
    const delta = chunk.choices[0]?.delta;
    if (delta?.latent_trace) this.#thoughts.replaceChildren(thoughtList(delta.latent_trace));
    if (delta?.content) {
      this.#text += delta.content;
      this.#answer.textContent = this.#text;
    }
    if (chunk.timings) this.#totalMs = chunk.timings.total_ms;
    if (chunk.usage) this.#tokens = tokensOf(chunk.usage);
  }

  /** @returns {Outcome} */
  finish() {
    if (this.#tokens === null) throw new Error('the stream told no usage');
    const verdict = this.#verdict();
    const detail = verdict === 'wrong' ? `: expected “${this.#expected}”` : '';
    this.#say(`${verdict ?? 'done'}${detail}`, verdict ?? 'note');
    return { verdict, tokens: this.#tokens, totalMs: this.#totalMs };
  }

  #verdict() {
    if (this.#expected === null) return null;
    return isRight(this.#text, this.#expected) ? 'right' : 'wrong';
  }

  /** @param {string} reason */
  fail(reason) {
    this.#say(reason, 'problem');
  }

  /** @param {string} text @param {string} className */
  #say(text, className) {
    this.#state.textContent = text;
    this.#state.className = className;
  }
}
