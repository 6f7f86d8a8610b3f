// The choices of one answer as one stream: what they share is told once, each end on its own.
import type { AnswerEvent, ChoiceEvent } from './answer.ts';
import { mergeAll } from './merge.ts';

type Finished = Extract<ChoiceEvent, { kind: 'finished' }>;

/**
 * A choice that fails ends them all.
 * @param onEnd called once, however it ends
 */
export async function* joinChoices(
  choices: readonly AsyncIterable<ChoiceEvent>[],
  onEnd: () => void,
): AsyncGenerator<AnswerEvent, void, undefined> {
  const ends: Finished[] = [];
  try {
    for await (const [choice, event] of mergeAll<ChoiceEvent>(choices)) {
      if (event.kind === 'text' || event.kind === 'trace') {
        yield { ...event, choice };
      } else if (event.kind === 'finished') {
        ends.push(event);
        const { reason, timings } = event;
        yield { kind: 'choice-finished', choice, reason, timings };
      } else if (choice === 0) {
        yield event; // the thoughts are the same for all
      }
    }
    yield together(ends);
  } finally {
    onEnd();
  }
}

function together(ends: readonly Finished[]): Finished {
  const [first] = ends;
  if (!first) throw new Error('the engine ended an answer without a finished event');
  const texts = (key: 'firstTextMs' | 'lastTextMs') =>
    ends.flatMap(({ timings }) => timings[key] ?? []);
  return {
    kind: 'finished',
    reason: ends.some(({ reason }) => reason === 'length') ? 'length' : 'stop',
    usage: {
      ...first.usage,
      textTokens: ends.reduce((sum, { usage }) => sum + usage.textTokens, 0),
    },
    timings: {
      ...first.timings,
      decodeMs: Math.max(...ends.map(({ timings }) => timings.decodeMs)),
      firstTextMs: texts('firstTextMs').sort((a, b) => a - b)[0] ?? null,
      lastTextMs: texts('lastTextMs').sort((a, b) => b - a)[0] ?? null,
      totalMs: Math.max(...ends.map(({ timings }) => timings.totalMs)),
    },
  };
}
