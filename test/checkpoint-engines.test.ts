// What the metrics make of an engine's steps.
import { expect, it } from 'vitest';
import { observeStep } from '../src/checkpoint-engines.ts';
import type { StepReport } from '../src/engine/messages.ts';
import { createMetrics } from '../src/metrics.ts';

const step: StepReport = {
  durationMs: 2,
  prefillRows: 0,
  latentRows: 2,
  decodeRows: 1,
  running: 3,
  waiting: 0,
  kvUsage: 0.25,
  paddedPositions: 4,
  cancelled: ['queued', 'thinking', 'thinking'],
};

it('counts steps, padding and who left, and tells how full the batch is', async () => {
  const metrics = createMetrics();
  const told = async () => (await metrics.registry.metrics()).split('\n');
  const observe = (report: StepReport) => observeStep(report, { model: 'm', slots: 4 }, metrics);
  observe(step);
  observe({ ...step, latentRows: 0, cancelled: [] });
  expect(await told()).toEqual(
    expect.arrayContaining([
      'coconut_engine_steps_total{model="m",phase="mixed"} 1',
      'coconut_engine_steps_total{model="m",phase="decode"} 1',
      'coconut_padding_positions_total{model="m"} 8',
      'coconut_requests_cancelled_total{model="m",phase="queued"} 1',
      'coconut_requests_cancelled_total{model="m",phase="thinking"} 2',
      'coconut_batch_occupancy_ratio{model="m"} 0.25',
      'coconut_engine_step_seconds_bucket{le="0.0005",model="m",phase="mixed"} 0',
      'coconut_engine_step_seconds_bucket{le="0.002",model="m",phase="mixed"} 1',
    ]),
  );
  // Only tells that the last request was called off.
  const end = { ...step, latentRows: 0, decodeRows: 0, paddedPositions: 0, running: 0 };
  observe({ ...end, cancelled: ['answering'] });
  expect(await told()).toEqual(
    expect.arrayContaining([
      'coconut_batch_occupancy_ratio{model="m"} 0',
      'coconut_engine_steps_total{model="m",phase="decode"} 1',
      'coconut_requests_cancelled_total{model="m",phase="answering"} 1',
    ]),
  );
});
