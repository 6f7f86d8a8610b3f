// The learned <eot>: at each thought a row asks the head to go on, at its own last one to stop. Where chains are
// not padded to one number of thoughts, that is the number of reasoning steps the question needs.
import { tensor } from '../onnx/session.ts';
import type { TrainBatch } from './collate.ts';

/** Adds stop_targets [B, K, 2]: `weight` in all, shared equally among the thoughts that the rows have. */
export function addStopTargets(batch: TrainBatch, weight: number): void {
  const { shape, feeds, thoughtCounts } = batch;
  const { rows: B, thoughts: K } = shape;
  const all = thoughtCounts.reduce((sum, count) => sum + count, 0);
  const targets = new Float32Array(B * K * 2);
  thoughtCounts.forEach((count, b) => {
    for (let k = 0; k < count; k++) {
      const isLast = k === count - 1 ? 1 : 0;
      targets[(b * K + k) * 2 + isLast] = weight / all;
    }
  });
  shape.objectives.push('stop');
  feeds['stop_targets'] = tensor('float32', targets, [B, K, 2]);
}
