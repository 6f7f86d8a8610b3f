import { join } from 'node:path';
import { expect, it } from 'vitest';
import { profileStep, sharesOf } from '../../../bench/peers/step-profile.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../../support/tiny-model.ts';

const event = (name: string, op_name: string, shape: number[], dur: number) => ({
  cat: 'Node',
  name: `${name}_kernel_time`,
  dur,
  args: { op_name, input_type_shape: [{ float: shape }] },
});

it('takes each operator’s median and sums by what it is for', () => {
  const { ms, share } = sharesOf([
    ...[400, 9000, 500].map((dur) => event('h.0/fc', 'MatMul', [8, 1, 768], dur)),
    event('head', 'Gemm', [8, 768], 300),
    event('h.0/scores', 'FusedMatMul', [8, 12, 1, 64], 100),
    event('h.0/softmax', 'Softmax', [8, 12, 1, 129], 50),
    event('h.0/add', 'Add', [8, 1, 768], 50),
    { ...event('x', 'Add', [1], 7), cat: 'Session' },
  ]);
  expect(ms).toBe(1);
  expect(share).toEqual({
    'products with weights': 0.5,
    lm_head: 0.3,
    attention: 0.15,
    'everything else': 0.05,
  });
});

it.each(['fp32', 'int8'] as const)('finds all of them in a real step, %s', async (width) => {
  const dir = join(temporaryDirectory(), 'tiny');
  writeTinyCheckpoint(dir, { seed: 1, method: 'coconut' });
  const { ms, share } = await profileStep(dir, width, 2, 1);
  expect(ms).toBeGreaterThan(0);
  for (const part of Object.values(share)) expect(part).toBeGreaterThan(0);
});
