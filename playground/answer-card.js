// One answer on the page: it fills while the stream comes, and tells in the end what it took.
import { element } from './elements.js';
import { thoughtTable } from './thought-table.js';
import { isRight, tokensOf } from './verdict.js';

/**
 * @typedef {import('./api.js').Chunk} Chunk
 * @typedef {import('./verdict.js').Tokens & { totalMs: number | null }} Cost
 */

export class AnswerCard {
  #text = '';
  /** @type {Cost | null} */
  #cost = null;
  /** @type {number | null} */
  #totalMs = null;
  #answer = element('p', { className: 'answer', ariaLive: 'polite' });
  #verdict = element('p', { className: 'note' }, 'waiting');
  #thoughts = element('div');
  #events = element('pre', { tabIndex: 0 });
  #expected;
  root;

  /** @param {string} title @param {string | null} expected null: not known */
  constructor(title, expected) {
    this.#expected = expected;
    const events = element('summary', {}, 'Events as they came');
    this.root = element(
      'article',
      {},
      element('h3', {}, title),
      this.#answer,
      this.#verdict,
      this.#thoughts,
      element('details', {}, events, this.#events),
    );
  }

  /** @param {{ line: string, chunk: Chunk }} event */
  take({ line, chunk }) {
    this.#events.append(`${line}\n`);
    const delta = chunk.choices[0]?.delta;
    if (delta?.latent_trace) this.#thoughts.replaceChildren(thoughtTable(delta.latent_trace));
    if (delta?.content) {
      this.#text += delta.content;
      this.#answer.textContent = this.#text;
    }
    if (chunk.timings) this.#totalMs = chunk.timings.total_ms;
    if (chunk.usage) this.#cost = { ...tokensOf(chunk.usage), totalMs: this.#totalMs };
  }

  /** @returns {Cost | null} null where the stream told none */
  finish() {
    const expected = this.#expected;
    if (expected === null) this.#say('done', 'note');
    else if (isRight(this.#text, expected)) this.#say('right', 'right');
    else this.#say(`wrong: expected “${expected}”`, 'wrong');
    return this.#cost;
  }

  /** @param {string} reason */
  fail(reason) {
    this.#say(reason, 'problem');
  }

  /** @param {string} text @param {string} className */
  #say(text, className) {
    this.#verdict.textContent = text;
    this.#verdict.className = className;
  }
}
