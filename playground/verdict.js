// What an answer came to: whether it is the sample's, and its tokens. Pure.

/**
 * @typedef {import('./api.js').Usage} Usage
 * @typedef {{ thoughts: number, text: number, sum: number }} Tokens
 */

const MARKER = '### ';

/**
 * The text after the last answer marker, or all of it, must be what is expected, thousands separators aside.
 * @param {string} text @param {string} expected
 */
export function isRight(text, expected) {
  const markerAt = text.lastIndexOf(MARKER);
  const answer = markerAt < 0 ? text : text.slice(markerAt + MARKER.length);
  return plain(answer) === plain(expected);
}

/** @param {string} text */
const plain = (text) => text.replace(/(?<=\d),(?=\d{3})/g, '').trim();

/** @param {Usage} usage @returns {Tokens} */
export function tokensOf({ completion_tokens: sum, completion_tokens_details: details }) {
  const thoughts = details.reasoning_tokens;
  return { thoughts, text: sum - thoughts, sum };
}
