// The choices of one answer as one stream: what they share is told once, each end on its own.
import type { AnswerEvent, ChoiceEvent } from './answer.ts';
import { mergeAll } from './merge.ts';

type Finished = Extract<ChoiceEvent, { kind: 'finished' }>;

/**
 * A choice that fails ends them all.
 * @param thoughts whether all choices have the same, or each thinks for itself
 * @param onEnd called once, however it ends
 */
export async function* joinChoices(
  choices: readonly AsyncIterable<ChoiceEvent>[],
  thoughts: 'shared' | 'own',
  onEnd: () => void,
): AsyncGenerator<AnswerEvent, void, undefined> {
  const ends: Finished[] = [];
  try {
    for await (const [choice, event] of mergeAll<ChoiceEvent>(choices)) {
      if (event.kind === 'prompt' || event.kind === 'text' || event.kind === 'trace') {
        yield { ...event, choice };
      } else if (event.kind === 'finished') {
        ends.push(event);
        const { kind, usage, ...end } = event;
        yield { kind: 'choice-finished', choice, ...end };
      } else if (choice === 0 || thoughts === 'own') {
        yield event;
      }
    }
    yield together(ends, thoughts);
  } finally {
    onEnd();
  }
}

function together(ends: readonly Finished[], thoughts: 'shared' | 'own'): Finished {
  const [first] = ends;
  if (!first) throw new Error('the engine ended an answer without a finished event');
  const total = (key: 'thoughts' | 'textTokens') =>
    ends.reduce((sum, { usage }) => sum + usage[key], 0);
  const latest = (key: 'latentMs' | 'decodeMs' | 'totalMs') =>
    Math.max(...ends.map(({ timings }) => timings[key]));
  const texts = (key: 'firstTextMs' | 'lastTextMs') =>
    ends.flatMap(({ timings }) => timings[key] ?? []);
  return {
    kind: 'finished',
    reason: ends.some(({ reason }) => reason === 'length') ? 'length' : 'stop',
    usage: {
      ...first.usage,
      ...(thoughts === 'own' && { thoughts: total('thoughts') }),
      textTokens: total('textTokens'),
    },
    timings: {
      ...first.timings,
      latentMs: latest('latentMs'),
      decodeMs: latest('decodeMs'),
      firstTextMs: texts('firstTextMs').sort((a, b) => a - b)[0] ?? null,
      lastTextMs: texts('lastTextMs').sort((a, b) => b - a)[0] ?? null,
      totalMs: latest('totalMs'),
      tokenGapsMs: ends.flatMap(({ timings }) => timings.tokenGapsMs),
    },
  };
}
