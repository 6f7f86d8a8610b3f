// The stage rule as a table (methods × stages × chain lengths), and the layout of one staged example.
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/random.ts';
import {
  lastStage,
  methodStage,
  methodTokens,
  nothingRemoved,
  type StageRule,
  stageExample,
  stagePlan,
  stageText,
  stageWalk,
} from '../../src/training/curriculum.ts';
import { type MethodName, type MethodRow, methods } from '../../src/training/methods.ts';

const rule = (padThoughts: boolean, wordSteps = 0): StageRule => ({
  maxStage: 3,
  thoughtsPerStep: 2,
  padThoughts,
  wordSteps,
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
    ['icot', [0, 0, 0, 0, 0]],
    ['pause', [4, 4, 4, 4, 4]],
    ['without-curriculum', [4, 4, 4, 4, 4]],
    ['without-thought', [0, 1, 2, 3, 4]],
    ['pause-as-thought', [0, 1, 2, 3, 4]],
    ['pause-multipass', [0, 1, 2, 3, 4]],
    ['zero-as-thought', [0, 1, 2, 3, 4]],
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

  const layout = (method: MethodRow, stage: number, count = 0) => {
    const scheduled = methodStage(method, stage, rule(true));
    const removed = { count, keepPositions: false };
    const staged = stageExample(example, method, scheduled, removed, rule(true), vocabulary);
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

  // One row per method and stage: what stands before the gap, the thoughts, the labels. The same chain of three
  // at every stage, so that stage 2 is a long chain's case and stage 4 a short one's.
  const six = '<p><p><p><p><p><p>';
  it.each<[MethodName, stage: number, question: string, thoughts: number, labels: string]>([
    ['without-curriculum', 0, 'Q?\n<bot>', 6, '### A<eos>'],
    ['without-curriculum', 4, 'Q?\n<bot>', 6, '### A<eos>'],
    ['without-thought', 0, 'Q?\n', 0, 'one\ntwo\nthree\n### A<eos>'],
    ['without-thought', 2, 'Q?\n', 0, 'three\n### A<eos>'],
    ['without-thought', 4, 'Q?\n', 0, '### A<eos>'],
    ['pause', 0, `Q?\n${six}`, 0, '### A<eos>'],
    ['pause', 4, `Q?\n${six}`, 0, '### A<eos>'],
    ['pause-as-thought', 0, 'Q?\n', 0, 'one\ntwo\nthree\n### A<eos>'],
    ['pause-as-thought', 1, 'Q?\n<p><p>', 0, 'two\nthree\n### A<eos>'],
    ['pause-as-thought', 4, `Q?\n${six}`, 0, '### A<eos>'],
    ['pause-multipass', 0, 'Q?\n<bot>', 0, 'one\ntwo\nthree\n### A<eos>'],
    ['pause-multipass', 1, 'Q?\n<bot>', 2, 'two\nthree\n### A<eos>'],
    ['pause-multipass', 4, 'Q?\n<bot>', 6, '### A<eos>'],
    ['zero-as-thought', 0, 'Q?\n<bot>', 0, 'one\ntwo\nthree\n### A<eos>'],
    ['zero-as-thought', 2, 'Q?\n<bot>', 4, 'three\n### A<eos>'],
    ['zero-as-thought', 4, 'Q?\n<bot>', 6, '### A<eos>'],
  ])('%s at scheduled stage %i', (name, stage, question, thoughts, labels) => {
    const unlabelled = question.includes('<bot>') ? '<eot>' : '';
    expect(layout(methods[name], stage)).toEqual({ question, thoughts, unlabelled, labels });
  });

  it.each([
    [0, 'one\ntwo\nthree\n### A<eos>'],
    [2, 'e\ntwo\nthree\n### A<eos>'],
    [13, '\n### A<eos>'],
    [14, '### A<eos>'],
    [Number.POSITIVE_INFINITY, '### A<eos>'],
  ])('icot with %d tokens gone from the left: never more than the chain has', (removed, labels) => {
    const expected = { question: 'Q?\n', thoughts: 0, unlabelled: '', labels };
    expect(layout(methods.icot, 3, removed)).toEqual(expected);
  });

  it.each([
    [0, 0],
    [2, 2],
    [14, 14],
    [Number.POSITIVE_INFINITY, 14],
  ])(
    'icot that keeps positions: with %d tokens gone, %d positions are left out',
    (count, skipped) => {
      const stage = (keepPositions: boolean) =>
        stageExample(example, methods.icot, 0, { count, keepPositions }, rule(true), vocabulary);
      expect(stage(true)).toEqual({ ...stage(false), skippedPositions: skipped });
      expect(stage(false).skippedPositions).toBe(0);
    },
  );

  it('an example without steps has nothing to take out', () => {
    const bare = { question: 'Q?', steps: [], answer: 'A' };
    const staged = stageExample(bare, methods.coconut, 2, nothingRemoved, rule(true), vocabulary);
    expect(staged.thoughts).toBe(4);
    expect(text(staged.tailIds)).toBe('<eot>### A<eos>');
  });

  // The words that come first are the model's own to write, and so is <bot>.
  it.each([
    [1, 0, 'Q?\none\n<bot>', 'one\n<bot>', 0, 'two\nthree\n### A<eos>'],
    [1, 1, 'Q?\none\n<bot>', 'one\n<bot>', 2, 'three\n### A<eos>'],
    [1, 4, 'Q?\none\n<bot>', 'one\n<bot>', 6, '### A<eos>'],
    [2, 1, 'Q?\none\ntwo\n<bot>', 'one\ntwo\n<bot>', 2, '### A<eos>'],
    [5, 2, 'Q?\none\ntwo\nthree\n<bot>', 'one\ntwo\nthree\n<bot>', 4, '### A<eos>'],
  ])(
    '%i steps in words first, at stage %i',
    (wordSteps, stage, question, written, thoughts, labels) => {
      const staged = stageExample(
        example,
        methods.coconut,
        stage,
        nothingRemoved,
        rule(true, wordSteps),
        vocabulary,
      );
      expect(text(staged.questionIds)).toBe(question);
      expect(text(staged.questionIds.slice(-staged.written))).toBe(written);
      expect(staged.thoughts).toBe(thoughts);
      expect(text(staged.tailIds)).toBe(`<eot>${labels}`);
    },
  );

  it('a chain in words is whole for a method that thinks in words, whatever comes first', () => {
    const staged = stageExample(example, methods.cot, 0, nothingRemoved, rule(true, 2), vocabulary);
    expect(text(staged.questionIds)).toBe('Q?\n');
    expect(text(staged.tailIds)).toBe('one\ntwo\nthree\n### A<eos>');
    expect(staged.written).toBe(0);
  });

  it('a walk is a line break, its lines and the end, all of them labels', () => {
    const walk = stageWalk({ question: '', steps: ['one', 'two'], answer: '' }, vocabulary);
    expect(text(walk.questionIds)).toBe('\n');
    expect(text(walk.tailIds)).toBe('one\ntwo\n<eos>');
    expect(walk).toMatchObject({ written: 0, thoughts: 0, unlabelled: 0 });
  });

  describe('plain text', () => {
    const whole = 'Q?\none\ntwo\nthree\n';
    const places = (low: number, high: number) => {
      const random = new Random(3);
      const staged = Array.from({ length: 400 }, () =>
        stageText(example, { thoughts: 2, place: [low, high] }, random, vocabulary),
      );
      return staged.map(({ questionIds, tailIds, ...rest }) => {
        expect(rest).toEqual({ written: 0, thoughts: 2, unlabelled: 1 });
        const [before, after] = [text(questionIds), text(tailIds)];
        expect(before.endsWith('<bot>') && after.startsWith('<eot>')).toBe(true);
        expect(`${before.slice(0, -5)}${after.slice(5)}`).toBe(`${whole}<eos>`);
        return before.length - '<bot>'.length;
      });
    };

    it('has its thoughts at any token, with text on both sides of them', () => {
      const found = new Set(places(0, 1));
      const all = Array.from({ length: whole.length - 1 }, (_, i) => i + 1);
      expect([...found].sort((a, b) => a - b)).toEqual(all);
    });

    it('has them between the shares of its length that are asked for', () => {
      const found = places(0.25, 0.5);
      expect([Math.min(...found), Math.max(...found)]).toEqual([4, 9]);
      expect(new Set(places(0.5, 0.5))).toEqual(new Set([9]));
    });
  });
});

describe('methodTokens', () => {
  const random = () => new Random(7);

  it('is nothing for methods that remove steps', () => {
    const others = Object.values(methods).filter(({ stages }) => stages !== 'tokens');
    const found = others.map((method) =>
      methodTokens(method, 9, random(), { smoothing: 4, allBeyond: 2 }),
    );
    expect(found).toEqual(others.map(() => 0));
  });

  it('takes the whole chain from the threshold on, and not before', () => {
    const rule = { smoothing: null, allBeyond: 39 };
    const found = [0, 38, 39, 40].map((s) => methodTokens(methods.icot, s, random(), rule));
    expect(found).toEqual([0, 38, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });

  it('smooths: o further tokens with probability (1 − e^−λ)·e^−λo', () => {
    const [stream, draws, lambda] = [random(), 40_000, 1];
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < draws; i++) {
      const offset =
        methodTokens(methods.icot, 5, stream, { smoothing: lambda, allBeyond: null }) - 5;
      if (offset < counts.length) counts[offset]!++;
    }
    counts.forEach((count, o) => {
      const expected = (1 - Math.exp(-lambda)) * Math.exp(-lambda * o);
      expect(Math.abs(count / draws - expected), `offset ${o}`).toBeLessThan(0.01);
    });
  });
});
