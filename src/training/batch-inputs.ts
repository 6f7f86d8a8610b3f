// How a part of a batch enters a graph: the three inputs that collate.ts pads together.
import type { Segment } from '../model/coconut.ts';
import type { GraphBuilder } from '../onnx/graph.ts';

export function declareSegment(
  g: GraphBuilder,
  name: string,
  rows: number,
  length: number,
): Segment {
  return {
    ids: g.input(`${name}_ids`, 'int64', [rows, length]),
    positionIds: g.input(`${name}_position_ids`, 'int64', [rows, length]),
    keyBias: g.input(`${name}_bias`, 'float32', [rows, 1, 1, length]),
  };
}
