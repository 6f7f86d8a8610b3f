// What each answer took, beside the chain of thought that was measured for the checkpoint.
import { byId, element } from './elements.js';

/**
 * @typedef {import('./api.js').Model} Model
 * @typedef {import('./answer-card.js').Cost} Cost
 */

/** @param {number} ratio */
const percent = (ratio) => `${(100 * ratio).toFixed(1)}%`;

export class TokenTable {
  #section = byId('tokens', HTMLElement);
  #rows = byId('token-rows', HTMLElement);
  #note = byId('baseline', HTMLElement);
  /** Mean text tokens of the chain of thought; null: none was measured. @type {number | null} */
  #baseline = null;

  /** @param {Model} model */
  clear({ id, coconut: { evaluation } }) {
    const baseline = evaluation?.cot_baseline ?? null;
    this.#baseline = baseline && baseline.mean_text_tokens;
    this.#rows.replaceChildren();
    this.#section.hidden = true;
    this.#note.textContent =
      evaluation && baseline
        ? `Saved: against ${baseline.mean_text_tokens.toFixed(1)} tokens of ${baseline.model}, its mean over ` +
          `${evaluation.items} items of ${evaluation.data}. Right there: ${baseline.model} ` +
          `${percent(baseline.accuracy)}, ${id} ${percent(evaluation.accuracy)}.`
        : `No chain of thought was measured beside ${id}.`;
  }

  /** @param {string} title @param {Cost} cost */
  add(title, { thoughts, text, sum, totalMs }) {
    const saved = this.#baseline === null ? '–' : (this.#baseline - sum).toFixed(1);
    const cells = [thoughts, text, sum, saved, totalMs === null ? '–' : totalMs.toFixed(0)];
    const row = element('tr', {}, element('th', { scope: 'row' }, title));
    row.append(...cells.map((cell) => element('td', {}, `${cell}`)));
    this.#rows.append(row);
    this.#section.hidden = false;
  }
}
