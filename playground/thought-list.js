// The thoughts of an answer, each with the words that the LM head reads out of it, its norm, and its cosine
// to the one before.
import { element } from './elements.js';

/** @typedef {import('./api.js').Thought} Thought */

/** @param {readonly Thought[]} thoughts */
export function thoughtList(thoughts) {
  const items = thoughts.map(({ words, norm, cosine }, index) => {
    const turn = cosine === null ? '' : `, cosine to the one before ${cosine.toFixed(2)}`;
    return element(
      'li',
      {},
      element('strong', {}, `Thought ${index + 1}`),
      element('span', { className: 'note' }, ` norm ${norm.toFixed(2)}${turn}`),
      element('ol', { className: 'words' }, ...words.map(wordItem)),
    );
  });
  return element('ol', { className: 'thoughts' }, ...items);
}

/** @param {Thought['words'][number]} word */
function wordItem({ token, probability }) {
  const said = probability.toFixed(3);
  return element(
    'li',
    {},
    // White space alone would show as nothing.
    element('code', {}, token.trim() || JSON.stringify(token)),
    element('meter', { value: probability, ariaHidden: 'true' }),
    element('span', {}, said),
  );
}
