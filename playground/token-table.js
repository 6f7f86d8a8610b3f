// What each answer took, beside the chain of thought that was measured for the checkpoint.
import { byId, element } from './elements.js';

/**
 * @typedef {import('./api.js').Model} Model
 * @typedef {import('./answer-card.js').Outcome} Outcome
 * @typedef {import('./lanes.js').Lane} Lane
 */

/** @param {number} ratio */
const percent = (ratio) => `${(100 * ratio).toFixed(1)}%`;

export class TokenTable {
  #section = byId('tokens', HTMLElement);
  #rows = byId('token-rows', HTMLElement);
  #note = byId('baseline', HTMLElement);
  /** @type {{ model: string, mean_text_tokens: number } | null} */
  #baseline = null;

  /** @param {Model} model */
  clear({ id, coconut: { evaluation } }) {
    const baseline = evaluation?.cot_baseline ?? null;
    this.#baseline = baseline;
    this.#rows.replaceChildren();
    this.#section.hidden = true;
    this.#note.textContent =
      evaluation && baseline
        ? `Saved: against ${baseline.mean_text_tokens.toFixed(1)} tokens of ${baseline.model}, its mean over ` +
          `${evaluation.items} items of ${evaluation.data}; a wrong answer saves nothing. Right there: ` +
          `${baseline.model} ${percent(baseline.accuracy)}, ${id} ${percent(evaluation.accuracy)}.`
        : `Saved: no chain of thought was measured beside ${id}.`;
  }

  /** @param {Lane} lane @param {Outcome} outcome */
  add({ title, body }, { verdict, tokens, totalMs }) {
    const { thoughts, text, sum } = tokens;
    const baseline = this.#baseline;
    const compared = baseline !== null && verdict !== 'wrong' && body.model !== baseline.model;
    const saved = compared ? baseline.mean_text_tokens - sum : null;
    const cells = [
      verdict ?? '–',
      `${thoughts}`,
      `${text}`,
      `${sum}`,
      saved?.toFixed(1) ?? '–',
      totalMs?.toFixed(0) ?? '–',
    ];
    const row = element('tr', {}, element('th', { scope: 'row' }, title));
    row.append(...cells.map((cell) => element('td', {}, cell)));
    this.#rows.append(row);
    this.#section.hidden = false;
  }
}
