// The thoughts of an answer as a table: the words that the LM head reads out of each, its norm, and its
// cosine to the one before.
import { element } from './elements.js';

/** @typedef {import('./api.js').Thought} Thought */

/** @param {readonly Thought[]} thoughts */
export function thoughtTable(thoughts) {
  const head = ['thought', 'read as', 'norm', 'cosine'].map((text) =>
    element('th', { scope: 'col', className: text === 'read as' ? 'words' : '' }, text),
  );
  const rows = thoughts.map(({ words, norm, cosine }, index) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, `${index + 1}`),
      element('td', { className: 'words' }, element('ol', {}, ...words.map(wordItem))),
      element('td', {}, norm.toFixed(2)),
      element('td', {}, cosine === null ? '–' : cosine.toFixed(2)),
    ),
  );
  const table = element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...rows),
  );
  return element('div', { className: 'scroll', tabIndex: 0 }, table);
}

/** @param {Thought['words'][number]} word */
function wordItem({ token, probability }) {
  const said = probability.toFixed(3);
  return element(
    'li',
    {},
    element('code', { title: JSON.stringify(token) }, token.trim() || JSON.stringify(token)),
    element('meter', { value: probability, title: said, ariaHidden: 'true' }),
    element('span', {}, said),
  );
}
