import { describe, expect, it } from 'vitest';
import { MetricStore } from '../../loadtest/k6-metrics.ts';

const noStats: string[] = [];

describe('thresholds', () => {
  it.each([
    ['count>2', true],
    ['count>=3', true],
    ['count<3', false],
    ['count==3', true],
    ['count != 3', false],
    ['rate<2', true],
  ])('a counter at 3 after 2 s: %s is %s', (threshold, ok) => {
    const store = new MetricStore();
    for (let i = 0; i < 3; i++) store.add('tokens', 'counter', 1);
    const { tokens } = store.summary({ tokens: [threshold] }, noStats, 2);
    expect(tokens?.thresholds).toEqual({ [threshold]: { ok } });
  });

  it('a rate is the share that was true', () => {
    const store = new MetricStore();
    for (const passed of [true, false, true, true]) store.add('checks', 'rate', passed);
    const { checks } = store.summary({ checks: ['rate>0.75', 'rate>=0.75'] }, noStats, 1);
    expect(checks?.values).toEqual({ rate: 0.75, passes: 3, fails: 1 });
    expect(checks?.thresholds).toEqual({ 'rate>0.75': { ok: false }, 'rate>=0.75': { ok: true } });
  });

  it('a trend is held at a percentile that the summary does not ask for', () => {
    const store = new MetricStore();
    for (let ms = 0; ms <= 100; ms++) store.add('ttft', 'trend', ms);
    const { ttft } = store.summary({ ttft: ['p(99)<99', 'p(99)<=99'] }, ['avg', 'med'], 1);
    expect(ttft?.values).toEqual({ avg: 50, med: 50, 'p(99)': 99 });
    expect(ttft?.thresholds).toEqual({ 'p(99)<99': { ok: false }, 'p(99)<=99': { ok: true } });
  });

  it('no sample breaks no threshold on a trend, but a counter is then 0', () => {
    const store = new MetricStore();
    store.metric('ttft', 'trend');
    store.metric('tokens', 'counter');
    const { ttft, tokens } = store.summary({ ttft: ['p(95)<1'], tokens: ['count>0'] }, noStats, 1);
    expect(ttft?.thresholds).toEqual({ 'p(95)<1': { ok: true } });
    expect(tokens?.thresholds).toEqual({ 'count>0': { ok: false } });
  });

  it('mistakes are named', () => {
    const store = new MetricStore();
    store.add('ttft', 'trend', 1);
    const summary = (name: string, threshold: string) => () =>
      store.summary({ [name]: [threshold] }, noStats, 1);
    expect(summary('tft', 'avg<1')).toThrow('thresholds on no metric: tft');
    expect(summary('ttft', 'avg less 1')).toThrow('cannot read threshold "avg less 1"');
    expect(summary('ttft', 'rate<1')).toThrow('unknown trend statistic "rate"');
    expect(() => store.add('ttft', 'counter', 1)).toThrow('"ttft" is a trend');
    expect(() => store.add('ttft', 'trend', Number.NaN)).toThrow('"ttft": NaN is no number');
  });
});
