// What is asked at once: the request itself, and the controls beside it. Pure.

/**
 * @typedef {import('./api.js').ChatBody} ChatBody
 * @typedef {{ model: string, question: string, thoughts: number, trace: boolean, without: boolean,
 *   shuffled: boolean, written: string | null }} Asked
 *   `written`: the checkpoint that reasons in text, if it is to be asked, too
 * @typedef {{ title: string, body: ChatBody }} Lane
 */

/** Words told of each thought. */
const TRACE_WORDS = 8;

/** @param {number} count */
const thoughtsSaid = (count) => `${count} thought${count === 1 ? '' : 's'}`;

/** The request first. @param {Asked} asked @returns {[Lane, ...Lane[]]} */
export function lanesOf({ model, question, thoughts, trace, without, shuffled, written }) {
  /** @type {ChatBody} */
  const bare = {
    model,
    messages: [{ role: 'user', content: question }],
    latent_thoughts: 0,
    stream: true,
    stream_options: { include_usage: true },
  };
  /** @type {ChatBody} */
  const thinking = {
    ...bare,
    latent_thoughts: thoughts,
    ...(trace && thoughts > 0 && { latent_trace: { top_k: TRACE_WORDS } }),
  };
  /** @type {Lane[]} */
  const beside = [];
  if (without && thoughts > 0) beside.push({ title: `${model}, no thoughts`, body: bare });
  if (shuffled && thoughts > 0) {
    const title = `${model}, ${thoughtsSaid(thoughts)}, numbers shuffled`;
    beside.push({ title, body: { ...thinking, latent_control: 'shuffle' } });
  }
  if (written !== null) {
    beside.push({ title: `${written}, reasoning in text`, body: { ...bare, model: written } });
  }
  return [{ title: `${model}, ${thoughtsSaid(thoughts)}`, body: thinking }, ...beside];
}
