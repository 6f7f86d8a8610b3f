// A batch's gradient as a graph: what it takes and gives, and how many operators of each kind it is made of,
// so that a change of its cost shows in review.
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../src/onnx/graph.ts';
import { type BatchShape, gradientGraph } from '../../src/training/training-graph.ts';
import { tinyConfig } from '../support/tiny-model.ts';

const shape: BatchShape = {
  contexts: 2,
  contextLength: 8,
  rows: 4,
  questionLength: 4,
  writtenLength: 0,
  thoughts: 2,
  tailLength: 6,
  unlabelled: 1,
  objectives: [],
  teacherLength: 0,
  decoder: null,
  dropout: 0,
};
const build = (changes: Partial<BatchShape> = {}): Graph =>
  gradientGraph(tinyConfig('coconut'), { ...shape, ...changes });

function countsByOperator({ nodes }: Graph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op } of nodes) counts[op] = (counts[op] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => a.localeCompare(b)));
}

describe('gradientGraph', () => {
  it('is made of these operators, for two layers and two thoughts', () => {
    expect(countsByOperator(build())).toMatchInlineSnapshot(`
      {
        "Add": 92,
        "ArgMax": 1,
        "Cast": 5,
        "Concat": 38,
        "Equal": 1,
        "Exp": 1,
        "Expand": 6,
        "Gather": 7,
        "GatherElements": 1,
        "Gemm": 60,
        "Greater": 4,
        "Identity": 31,
        "LayerNormalization": 20,
        "LogSoftmax": 1,
        "MatMul": 137,
        "Mul": 254,
        "Neg": 2,
        "Pad": 2,
        "ReduceMean": 36,
        "ReduceSum": 74,
        "Reshape": 317,
        "ScatterElements": 3,
        "Sigmoid": 8,
        "Slice": 7,
        "Softmax": 8,
        "Split": 26,
        "Sub": 69,
        "Sum": 67,
        "Transpose": 231,
        "Unsqueeze": 12,
      }
    `);
  });

  it('grows by as much with each further thought', () => {
    const sizes = [2, 3, 4].map((thoughts) => build({ thoughts }).nodes.length);
    expect(sizes[2]! - sizes[1]!).toBe(sizes[1]! - sizes[0]!);
  });

  it('multiplies by the lm_head at labelled columns only', () => {
    const V = tinyConfig('coconut').vocab_size;
    const logits = build().nodes.filter(
      ({ op, outputs }) => op === 'MatMul' && outputs[0]!.shape.at(-1) === V,
    );
    expect(logits.map(({ outputs }) => outputs[0]!.shape)).toEqual([[4, 5, V]]);
  });

  it('reads out the thoughts as well where they are supervised', () => {
    const V = tinyConfig('coconut').vocab_size;
    const graph = build({ objectives: ['frontier'] });
    const logits = graph.nodes.filter(
      ({ op, outputs }) => op === 'MatMul' && outputs[0]!.shape.at(-1) === V,
    );
    expect(logits.map(({ outputs }) => outputs[0]!.shape)).toEqual([
      [4, 5, V],
      [4, 2, V],
    ]);
    const names = graph.inputs.map(({ name }) => name);
    expect(names).toContain('thought_targets');
  });

  it('asks for no context and no thoughts where there are none', () => {
    const names = (changes: Partial<BatchShape>) => build(changes).inputs.map(({ name }) => name);
    const lacking = (changes: Partial<BatchShape>) => {
      const left = new Set(names(changes));
      return names({}).filter((name) => !left.has(name));
    };
    expect(lacking({ contexts: 0, contextLength: 0 })).toEqual([
      'context_ids',
      'context_position_ids',
      'context_bias',
    ]);
    expect(lacking({ thoughts: 0 })).toEqual(['thought_position_ids', 'thought_bias']);
  });

  it('is one pass over the row where there are no thoughts', () => {
    const softmaxes = ({ nodes }: Graph) => nodes.filter(({ op }) => op === 'Softmax').length;
    const layers = 2;
    expect(softmaxes(build({ contexts: 0, contextLength: 0, thoughts: 0 }))).toBe(layers);
    // The question, one thought alone, and the tail with the last one.
    expect(softmaxes(build({ contexts: 0, contextLength: 0, thoughts: 2 }))).toBe(3 * layers);
  });

  it('gives the gradient of every parameter it takes', () => {
    const { inputs, outputs } = build();
    const given = outputs.flatMap(({ name }) => (name.startsWith('grad/') ? name.slice(5) : []));
    const taken = inputs.map(({ name }) => name).filter((name) => name.startsWith('transformer.'));
    expect(given.sort()).toEqual(taken.sort());
  });
});
