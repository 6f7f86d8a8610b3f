import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledFor, placedNodes, placementTable } from '../../src/training/placement-command.ts';
import { whyNoGpu } from '../support/gpu.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../support/tiny-model.ts';

const noGpu = await whyNoGpu();

it('a table has a line per provider, and counts nodes by operator', () => {
  const nodes = [
    ['b', 'Mul'],
    ['a', 'Sub'],
    ['b', 'Add'],
    ['b', 'Mul'],
  ].map(([provider, operator]) => ({ provider: provider!, operator: operator!, micros: 1 }));
  expect(placementTable(nodes)).toBe('a: 1 nodes: Sub 1\nb: 3 nodes: Mul 2, Add 1');
});

function tiny(): string {
  const dir = join(temporaryDirectory(), 'tiny');
  writeTinyCheckpoint(dir, { seed: 1, method: 'coconut' });
  return dir;
}

it('on the CPU every node is the CPU’s', async () => {
  const nodes = await placedNodes(compiledFor('step', tiny(), 'int8', 'cpu'), 'cpu');
  expect(new Set(nodes.map(({ provider }) => provider))).toEqual(new Set(['CPUExecutionProvider']));
  expect(nodes.map(({ operator }) => operator)).toContain('MatMulNBits');
});

describe.skipIf(noGpu)('on WebGPU', { timeout: 600_000 }, () => {
  it('nothing of an engine step with floats is left to the CPU', async () => {
    const nodes = await placedNodes(compiledFor('step', tiny(), 'fp32', 'webgpu'), 'webgpu');
    const onCpu = nodes.filter(({ provider }) => provider === 'CPUExecutionProvider');
    // Of positions, ids and sizes.
    const integers = ['Concat', 'Gather', 'Greater', 'Unsqueeze'];
    expect(onCpu.map(({ operator }) => operator).filter((op) => !integers.includes(op))).toEqual(
      [],
    );
    expect(nodes.map(({ operator }) => operator)).not.toContain('MemcpyToHost');
    expect(nodes.map(({ operator }) => operator)).toContain('ScatterND');
  });
});
