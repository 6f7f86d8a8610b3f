// The stage rule as a table (methods × stages × chain lengths), and the layout of one staged example.
import { describe, expect, it } from 'vitest';
import {
  lastStage,
  methodStage,
  type StageRule,
  stageExample,
  stagePlan,
} from '../../src/training/curriculum.ts';
import { type MethodName, type MethodRow, methods } from '../../src/training/methods.ts';

const rule = (padThoughts: boolean): StageRule => ({
  maxStage: 3,
  thoughtsPerStep: 2,
  padThoughts,
});

describe('the stage rule: [steps taken out, thoughts] with maxStage 3 and 2 thoughts per step', () => {
  const chainLengths = [1, 3, 5];
  const planned: Record<number, [padded: number[][], unpadded: number[][]]> = {
    0: [
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    ],
    1: [
      [
        [1, 2],
        [1, 2],
        [1, 2],
      ],
      [
        [1, 2],
        [1, 2],
        [1, 2],
      ],
    ],
    // A chain shorter than the stage still gets all the stage's thoughts.
    2: [
      [
        [2, 4],
        [2, 4],
        [2, 4],
      ],
      [
        [2, 4],
        [2, 4],
        [2, 4],
      ],
    ],
    3: [
      [
        [3, 6],
        [3, 6],
        [3, 6],
      ],
      [
        [3, 6],
        [3, 6],
        [3, 6],
      ],
    ],
    // Only here does padThoughts matter, and only here do long chains lose their last steps.
    4: [
      [
        [1, 6],
        [3, 6],
        [5, 6],
      ],
      [
        [1, 2],
        [3, 6],
        [5, 6],
      ],
    ],
  };
  const rows = Object.entries(planned).flatMap(([stage, [padded, unpadded]]) => [
    { stage: Number(stage), padThoughts: true, plans: padded },
    { stage: Number(stage), padThoughts: false, plans: unpadded },
  ]);

  it.each(rows)('stage $stage, padThoughts $padThoughts', ({ stage, padThoughts, plans }) => {
    const found = chainLengths.map((length) => stagePlan(stage, length, rule(padThoughts)));
    expect(found).toEqual(plans.map(([skippedSteps, thoughts]) => ({ skippedSteps, thoughts })));
  });

  it('knows one stage past maxStage as the last', () => {
    expect(lastStage(rule(true))).toBe(4);
  });
});

describe('the stage a method trains at', () => {
  it.each<[MethodName, number[]]>([
    ['coconut', [0, 1, 2, 3, 4]],
    ['cot', [0, 0, 0, 0, 0]],
    ['no-cot', [4, 4, 4, 4, 4]],
  ])('%s, at scheduled stages 0 to 4', (name, expected) => {
    const found = [0, 1, 2, 3, 4].map((stage) => methodStage(methods[name], stage, rule(true)));
    expect(found).toEqual(expected);
  });
});

describe('stageExample', () => {
  // One id per character, so that a layout reads as text; markers are where Unicode has none.
  const [bot, eot, pause, eos] = [-1, -2, -3, -4];
  const vocabulary = {
    encode: (text: string) => [...text].map((character) => character.codePointAt(0)!),
    bot,
    eot,
    pause,
    eos,
  };
  const marks: Record<number, string> = {
    [bot]: '<bot>',
    [eot]: '<eot>',
    [pause]: '<p>',
    [eos]: '<eos>',
  };
  const text = (ids: readonly number[]) =>
    ids.map((id) => marks[id] ?? String.fromCodePoint(id)).join('');
  const example = { question: 'Q?', steps: ['one', 'two', 'three'], answer: 'A' };

  const layout = (method: MethodRow, stage: number) => {
    const scheduled = methodStage(method, stage, rule(true));
    const staged = stageExample(example, method, scheduled, rule(true), vocabulary);
    return {
      question: text(staged.questionIds),
      thoughts: staged.thoughts,
      unlabelled: text(staged.tailIds.slice(0, staged.unlabelled)),
      labels: text(staged.tailIds.slice(staged.unlabelled)),
    };
  };

  it.each([
    [0, 0, 'one\ntwo\nthree\n### A<eos>'],
    [1, 2, 'two\nthree\n### A<eos>'],
    [3, 6, '### A<eos>'],
    [4, 6, '### A<eos>'],
  ])(
    'coconut at stage %i: markers even around no thoughts, <eot> without a label',
    (stage, thoughts, labels) => {
      const expected = { question: 'Q?\n<bot>', thoughts, unlabelled: '<eot>', labels };
      expect(layout(methods.coconut, stage)).toEqual(expected);
    },
  );

  it('cot: all steps and no markers, whatever the schedule says', () => {
    const labels = 'one\ntwo\nthree\n### A<eos>';
    const expected = { question: 'Q?\n', thoughts: 0, unlabelled: '', labels };
    expect(layout(methods.cot, 2)).toEqual(expected);
  });

  it('no-cot: the answer alone', () => {
    const expected = { question: 'Q?\n', thoughts: 0, unlabelled: '', labels: '### A<eos>' };
    expect(layout(methods['no-cot'], 0)).toEqual(expected);
  });

  it('a pause filler is text: as many <pause> as thoughts, no label on them', () => {
    const pauses: MethodRow = { filler: 'pause', stages: 'scheduled' };
    expect(layout(pauses, 1)).toEqual({
      question: 'Q?\n<p><p>',
      thoughts: 0,
      unlabelled: '',
      labels: 'two\nthree\n### A<eos>',
    });
  });

  it('an example without steps has nothing to take out', () => {
    const bare = { question: 'Q?', steps: [], answer: 'A' };
    const staged = stageExample(bare, methods.coconut, 2, rule(true), vocabulary);
    expect(staged.thoughts).toBe(4);
    expect(text(staged.tailIds)).toBe('<eot>### A<eos>');
  });
});
