// A fake model whose context takes a whole ProsQA question as bytes.
import type { Engine } from '../../src/engine/engine.ts';
import type { ServedModel } from '../../src/routes/served-model.ts';
import { fakeModel } from './fake-engine.ts';

export const longPositions = 8192;

export function longModel(engine: Engine): ServedModel {
  const model = fakeModel(engine, { slotCapacity: longPositions });
  return { ...model, config: { ...model.config, n_positions: longPositions } };
}
