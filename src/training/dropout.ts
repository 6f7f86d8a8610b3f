// Dropout (Srivastava et al. 2014) in training graphs: each place asks for a mask as an input of its own, and the
// masks of a batch follow from its seed alone. So both passes see the same ones, and a resumed run draws them again.
import type { Dropout } from '../model/transformer.ts';
import { type GraphBuilder, sizeOf, type Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import { type Tensor, tensor } from '../onnx/session.ts';
import { Random } from '../random.ts';

const STEM = 'dropout';

/** A new mask for every value that it is given. */
export const maskedDropout =
  (g: GraphBuilder): Dropout =>
  (x) =>
    op.mul(g, x, g.input(g.fresh(STEM), 'float32', x.shape));

/** For those of a graph's inputs that are masks: 0 with probability `rate`, else 1 / (1 − rate). */
export function drawMasks(
  inputs: readonly Value[],
  { rate, seed }: { rate: number; seed: number },
): Record<string, Tensor> {
  const random = new Random(seed);
  const masks = inputs.filter(({ name }) => name.startsWith(`${STEM}_`));
  return Object.fromEntries(
    masks.map(({ name, shape }) => {
      const data = new Float32Array(sizeOf(shape)).fill(1 / (1 - rate));
      // From one dropped number to the next: the gaps are geometric, and one draw each.
      const gap = (): number => Math.floor(Math.log(1 - random.uniform()) / Math.log(1 - rate));
      for (let i = gap(); i < data.length; i += 1 + gap()) data[i] = 0;
      return [name, tensor('float32', data, shape as number[])];
    }),
  );
}
