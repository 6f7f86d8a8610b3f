import { describe, expect, it } from 'vitest';
import { type Batch, Scheduler } from '../../src/engine/scheduler.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { makeRequest } from './requests.ts';

const prompt = (length: number) => Array.from({ length }, () => 1);
const limits = { slots: 4, maxPrefillTokens: 100 };

function schedulerWith(lengths: readonly number[], overrides = {}): Scheduler {
  const scheduler = new Scheduler({ ...limits, ...overrides });
  lengths.forEach((length, id) => {
    scheduler.submit(new Sequence(id, makeRequest({ promptIds: prompt(length) }), 0));
  });
  return scheduler;
}

/** Pretends that the batch was run; greedy token 1 for whoever wants one. */
function run(batch: Batch): Batch {
  for (const { sequence, count } of batch.rows) {
    const isDone = sequence.wants(count) === 'logits';
    sequence.advance(
      count,
      isDone ? { kind: 'logits', logits: Float32Array.of(0, 1) } : { kind: 'nothing' },
      0,
    );
  }
  return batch;
}

const next = (scheduler: Scheduler): Batch => {
  const batch = scheduler.next(0, () => {});
  if (!batch) throw new Error('nothing to do');
  return run(batch);
};
const shape = ({ kind, rows }: Batch) => [
  kind,
  ...rows.map(({ sequence, count }) => `${sequence.id}:${count}`),
];

describe('admission', () => {
  it('is by arrival, as far as there are slots', () => {
    const scheduler = schedulerWith([5, 5, 5], { slots: 2 });
    expect(shape(next(scheduler))).toEqual(['prefill', '0:5', '1:5']);
    expect(scheduler.waiting.map(({ id }) => id)).toEqual([2]);
    scheduler.remove(scheduler.running[0] as Sequence);
    expect(shape(next(scheduler))).toEqual(['decode', '1:1']);
    expect(shape(next(scheduler))).toEqual(['prefill', '2:5']);
  });

  it('forgets who is removed while waiting', () => {
    const scheduler = schedulerWith([5, 5, 5], { slots: 1 });
    next(scheduler);
    scheduler.remove(scheduler.find(1) as Sequence);
    expect(scheduler.find(1)).toBeUndefined();
    scheduler.remove(scheduler.find(0) as Sequence);
    expect(shape(next(scheduler))).toEqual(['prefill', '2:5']);
  });

  it('finds nothing to do when there is nobody', () => {
    expect(new Scheduler(limits).next(0, () => {})).toBeNull();
  });
});

describe('prefill batches', () => {
  it('cut a long prompt into chunks', () => {
    const scheduler = schedulerWith([250]);
    const shapes = [1, 2, 3].map(() => shape(next(scheduler)));
    expect(shapes).toEqual([
      ['prefill', '0:100'],
      ['prefill', '0:100'],
      ['prefill', '0:50'],
    ]);
    expect(shape(next(scheduler))).toEqual(['decode', '0:1']);
  });

  it('hold prompts of similar length, padding included in the budget', () => {
    expect(shape(next(schedulerWith([40, 30, 48])))).toEqual(['prefill', '0:40', '1:30']);
    expect(shape(next(schedulerWith([20, 48, 22, 24])))).toEqual([
      'prefill',
      '0:20',
      '2:22',
      '3:24',
    ]);
  });

  it('always hold the oldest, so that nobody is passed over twice', () => {
    const scheduler = schedulerWith([20, 90, 22]);
    expect(shape(next(scheduler))).toEqual(['prefill', '0:20', '2:22']);
    next(scheduler);
    expect(shape(next(scheduler))).toEqual(['prefill', '1:90']);
  });
});

describe('turns', () => {
  it('alternate when both kinds want to run', () => {
    const scheduler = schedulerWith([5, 300]);
    expect(shape(next(scheduler))).toEqual(['prefill', '0:5']);
    expect(shape(next(scheduler))).toEqual(['decode', '0:1']);
    expect(shape(next(scheduler))).toEqual(['prefill', '1:100']);
    expect(shape(next(scheduler))).toEqual(['decode', '0:1']);
    expect(shape(next(scheduler))).toEqual(['prefill', '1:100']);
  });

  it('let thoughts and answers share a batch, the suffix with the last thought', () => {
    const scheduler = schedulerWith([5]);
    const thoughts = { kind: 'model', count: 1 } as const;
    scheduler.submit(new Sequence(1, makeRequest({ thoughts, suffixIds: [9] }), 0));
    const { rows } = scheduler.next(0, () => {}) as Batch;
    for (const { sequence, count } of rows) {
      const logits = Float32Array.of(0, 1);
      const output = sequence.id === 0 ? { kind: 'logits' as const, logits } : null;
      sequence.advance(count, output ?? { kind: 'hidden', hidden: Float32Array.of(1) }, 0);
    }
    expect(shape(scheduler.next(0, () => {}) as Batch)).toEqual(['decode', '0:1', '1:2']);
  });
});
