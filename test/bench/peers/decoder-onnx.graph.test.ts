// What transformers.js is given computes what our own step graph does.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decoderGraph } from '../../../bench/peers/decoder-onnx.ts';
import { readCheckpoint } from '../../../src/model/checkpoint.ts';
import { dimensionsOf } from '../../../src/model/model-config.ts';
import { mapWeights, servingModel } from '../../../src/model/serving-model.ts';
import { encodeGraph } from '../../../src/onnx/encode.ts';
import { createSession, type Session, type Tensor, tensor } from '../../../src/onnx/session.ts';
import { naiveAnswer } from '../../engine/naive-reference.ts';
import { makeRequest } from '../../engine/requests.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../../support/tiny-model.ts';

const promptIds = [72, 101, 108, 108, 111];
const count = 6;

it('writes the same greedy text, its keys and values going in and out', async () => {
  const dir = join(temporaryDirectory(), 'tiny');
  writeTinyCheckpoint(dir, { seed: 5, method: 'cot' });
  const checkpoint = readCheckpoint(dir);
  const { config } = checkpoint;
  const served = servingModel(checkpoint, 'fp32');
  const { weightsDir } = served;
  const ours = await createSession(served.graph, served.bytes, { threads: 1, weightsDir });
  const thoughts = { kind: 'model' as const, count: 0 };
  const request = makeRequest({
    promptIds,
    thoughts,
    suffixIds: [],
    maxTokens: count,
    stopIds: [],
  });
  const expected = await naiveAnswer(ours, config, request);

  const graph = decoderGraph(config, (g) => mapWeights(g, config, checkpoint));
  const session = await createSession(graph, encodeGraph(graph), { threads: 1, weightsDir });
  expect(await greedy(session, dimensionsOf(config))).toEqual(expected.tokens);
});

type Sizes = { layers: number; kvHeads: number; headSize: number };

async function greedy(session: Session, { layers, kvHeads, headSize }: Sizes): Promise<number[]> {
  const int64 = (ids: number[]) =>
    tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]);
  const none = tensor('float32', new Float32Array(0), [1, kvHeads, 0, headSize]);
  const names = Array.from({ length: layers }, (_, l) => [`${l}.key`, `${l}.value`]).flat();
  let past: Record<string, Tensor> = Object.fromEntries(
    names.map((name) => [`past_key_values.${name}`, none]),
  );
  const tokens: number[] = [];
  let ids = promptIds;
  for (let seen = 0; tokens.length < count; seen += ids.length, ids = tokens.slice(-1)) {
    const positions = ids.map((_, t) => seen + t);
    const feeds = { input_ids: int64(ids), position_ids: int64(positions), ...past };
    const outputs = await session.run(feeds);
    past = Object.fromEntries(
      names.map((name) => [`past_key_values.${name}`, outputs[`present.${name}`]!]),
    );
    const logits = outputs['logits']!.data as Float32Array;
    tokens.push(logits.indexOf(Math.max(...logits)));
  }
  return tokens;
}
