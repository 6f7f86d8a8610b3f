// The plain words: when thoughts are said to carry the answer, and when not.
import { describe, expect, it } from 'vitest';
import { controlRows, verdicts } from '../../../src/training/report/controls.ts';
import { measuredRun, measurement } from '../../support/measurements.ts';

function thinking(others: number, none: number) {
  return measurement({
    controls: {
      zero: measuredRun(11),
      shuffle: measuredRun(22),
      noise: measuredRun(33),
      others: measuredRun(others),
    },
    byThoughts: [measuredRun(none), measuredRun(50)],
  });
}

const pause = (right: number) =>
  measurement({ checkpoint: 'p', filler: 'pause', asTrained: measuredRun(right) });

describe('verdicts', () => {
  it('calls thoughts load-bearing where another item’s do worse', () => {
    expect(verdicts([thinking(50, 10)])).toEqual([
      'a: its thoughts are load-bearing: 50.0% with another item’s thoughts, 90.0% with its own (p < 0.001); with noise 33.0%. No pause control is trained on this data.',
    ]);
  });

  it('says plainly where they are not, and whether their positions are needed', () => {
    const [places] = verdicts([thinking(89, 10)]);
    expect(places).toContain('NOT load-bearing: 89.0% with another item’s thoughts, 90.0%');
    expect(places).toContain('(p = 1.000)');
    expect(places).toContain('needs their positions (without any 10.0%), not what is in them');
    expect(verdicts([thinking(89, 90)])[0]).toContain('not even need their positions');
  });

  it.each([
    [60, 'better than the pause control p (60.0%, p < 0.001)'],
    [89, 'not shown to be better than (level 0.01) the pause control p (89.0%, p = 1.000)'],
    [100, 'worse than the pause control p (100.0%, p = 0.002)'],
  ])('compares with pauses at %i right', (right, words) => {
    expect(verdicts([thinking(50, 10), pause(right)])).toEqual([expect.stringContaining(words)]);
  });

  it('tells both budgets where they differ', () => {
    const short = { ...pause(60), examples: 320_000 };
    expect(verdicts([thinking(50, 10), short])[0]).toContain(
      'control p (60.0%, p < 0.001; 320,000 examples against its own 640,000)',
    );
    expect(verdicts([thinking(50, 10), { ...short, examples: null }])[0]).toContain(
      'an unknown number of examples against its own 640,000)',
    );
  });

  it('has nothing to say of who does not think', () => {
    expect(verdicts([pause(50)])).toEqual([]);
    expect(controlRows([pause(50)])).toBeNull();
  });
});

it('controlRows has a column per control', () => {
  expect(controlRows([thinking(50, 10), pause(1)])!.rows).toEqual([
    ['a', '90.0', '10.0', '11.0', '22.0', '33.0', '50.0'],
  ]);
});
