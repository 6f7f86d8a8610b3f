// Scoring through a real engine: what is counted, what the controls feed, what `eval` writes and refuses.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readCheckpoint } from '../../src/model/checkpoint.ts';
import type { Example } from '../../src/training/datasets/example.ts';
import {
  evaluateCheckpoint,
  runItems,
  summarizeRun,
  textCap,
} from '../../src/training/evaluate.ts';
import { evaluateCommand, withEngine } from '../../src/training/evaluate-command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type TinyMethod, writeTinyCheckpoint } from '../support/tiny-model.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const itemOf = (name: string, own: string, other: string) => ({
  question: `${name} is a ${own}. Bob is a ${other}. Is ${name} a ${own} or ${other}?`,
  steps: [`${name} is a ${own}.`],
  answer: `${name} is a ${own}.`,
});
const items: Example[] = [
  itemOf('Tom', 'lempus', 'rompus'),
  itemOf('Sally', 'yumpus', 'zumpus'),
  itemOf('Max', 'gorpus', 'impus'),
];

const none = () => ({ kind: 'model', count: 0 }) as const;

function checkpointOf(method: TinyMethod, seed = 1): string {
  const dir = join(temporaryDirectory(), `tiny-${method}`);
  writeTinyCheckpoint(dir, { seed, method });
  return dir;
}

/** The items in the published format. */
function dataFile(): string {
  const published = items.map((item) => {
    const [, name, own, other] = /^(\w+) is a (\w+)\. Bob is a (\w+)\./.exec(item.question)!;
    return {
      ...item,
      idx_to_symbol: [name, 'Bob', own, other],
      edges: [
        [0, 2],
        [1, 3],
      ],
      root: 0,
      target: 2,
      neg_target: 3,
    };
  });
  const path = join(temporaryDirectory(), 'items.json');
  writeFileSync(path, JSON.stringify(published));
  return path;
}

describe('evaluateCheckpoint', () => {
  it("runs the items as trained, without thoughts, and with the next item's thoughts", async () => {
    const texts = new Map<string, string[]>(items.map(({ question }) => [question, []]));
    const judge = ({ question }: Example, text: string): boolean => {
      texts.get(question)!.push(text);
      return question.startsWith('Tom');
    };
    await withEngine(
      checkpointOf('coconut'),
      { threads: 1, weights: 'fp32' },
      async (engine, checkpoint) => {
        const runs = await evaluateCheckpoint(engine, checkpoint, items, judge);
        expect(runs.as_trained).toMatchObject({ items: 3, correct: 1, mean_thoughts: 3 });
        expect(runs.zero_thoughts).toMatchObject({ items: 3, correct: 1, mean_thoughts: 0 });
        expect(runs.shuffled_thoughts).toMatchObject({ items: 3, correct: 1, mean_thoughts: 3 });

        const thoughts = { kind: 'model', count: 3 } as const;
        const own = await runItems(
          engine,
          checkpoint,
          items,
          () => true,
          () => thoughts,
        );
        for (const [i, { question }] of items.entries()) {
          const [asTrained, , shuffled] = texts.get(question)!;
          const given = async (from: number): Promise<string> => {
            let said = '';
            const hear = (_: Example, text: string) => {
              said = text;
              return true;
            };
            const vectors = own[from]!.vectors!;
            const feed = () => ({ kind: 'given', count: 3, vectors }) as const;
            await runItems(engine, checkpoint, [items[i]!], hear, feed);
            return said;
          };
          expect(await given(i)).toBe(asTrained);
          expect(await given((i + 1) % items.length)).toBe(shuffled);
          expect(shuffled).not.toBe(asTrained);
        }
      },
    );
  });

  it('has no controls before the first stage with thoughts', async () => {
    const dir = checkpointOf('coconut');
    const path = join(dir, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8'));
    config.coconut.default_thoughts = 0;
    writeFileSync(path, JSON.stringify(config));
    await withEngine(dir, { threads: 1, weights: 'fp32' }, async (engine, checkpoint) => {
      const runs = await evaluateCheckpoint(engine, checkpoint, items, () => false);
      expect(runs.as_trained).toMatchObject({ items: 3, mean_thoughts: 0 });
      expect(runs).toMatchObject({ zero_thoughts: null, shuffled_thoughts: null });
    });
  });

  it('gives an answer up at twice the longest right one, and counts it', async () => {
    const long = { ...items[0]!, steps: ['x'.repeat(50), 'y'.repeat(50)] };
    await withEngine(
      checkpointOf('cot'),
      { threads: 1, weights: 'fp32' },
      async (engine, checkpoint) => {
        expect(textCap(checkpoint, items)).toBe(128);
        const text = [...long.steps, `### ${long.answer}`].join('\n');
        expect(textCap(checkpoint, [...items, long])).toBe(2 * text.length);
        const [result] = await runItems(engine, checkpoint, items.slice(0, 1), () => true, none);
        expect(result).toMatchObject({ isCut: true, textTokens: 128 });
        expect(summarizeRun([result!, { ...result!, isCut: false }]).cut).toBe(1);
      },
    );
  });

  it('has no controls where nothing thinks', async () => {
    await withEngine(
      checkpointOf('cot'),
      { threads: 1, weights: 'fp32' },
      async (engine, checkpoint) => {
        const runs = await evaluateCheckpoint(engine, checkpoint, items, () => false);
        expect(runs.as_trained).toMatchObject({ correct: 0, mean_thoughts: 0 });
        expect(runs).toMatchObject({ zero_thoughts: null, shuffled_thoughts: null });
      },
    );
  });
});

describe('eval', () => {
  it("writes the figures into the checkpoint, the baseline's beside them", async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const [file, cot, coconut] = [dataFile(), checkpointOf('cot', 2), checkpointOf('coconut')];
    await evaluateCommand(cot, file, { kind: 'prosqa', threads: 1, weights: 'fp32' });
    await evaluateCommand(coconut, file, {
      kind: 'prosqa',
      threads: 1,
      weights: 'fp32',
      baseline: cot,
    });
    const [baseline, report] = [cot, coconut].map((dir) => readCheckpoint(dir).evalReport!);
    expect(report!.data).toMatchObject({ name: 'items.json', items: 3 });
    expect(report!.checkpoint_sha256).toBe(readCheckpoint(coconut).sha256);
    expect(report!.cot_baseline).toMatchObject({
      checkpoint: 'tiny-cot',
      accuracy: baseline!.as_trained.accuracy,
      mean_text_tokens: baseline!.as_trained.mean_text_tokens,
    });
    expect(log.mock.calls.at(-1)![0]).toContain('against tiny-cot');
  });

  it('refuses a baseline without figures of the same data', async () => {
    const [cot, coconut] = [checkpointOf('cot'), checkpointOf('coconut')];
    const evaluated = evaluateCommand(coconut, dataFile(), {
      kind: 'prosqa',
      threads: 1,
      weights: 'fp32',
      baseline: cot,
    });
    await expect(evaluated).rejects.toThrow(/tiny-cot: has no eval\.json, .*evaluate it first/);
  });
});
