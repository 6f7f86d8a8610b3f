// The slow truth for the engine's tests: one sequence, no cache, no batch. Every step feeds all
// positions from the first on, as the Coconut paper's definition reads.
import type { GenerationRequest } from '../../src/engine/messages.ts';
import type { Input } from '../../src/engine/thought-inputs.ts';
import { MASKED } from '../../src/model/attention.ts';
import { dimensionsOf, type ModelConfig } from '../../src/model/model-config.ts';
import { type Session, type Tensor, tensor } from '../../src/onnx/session.ts';

export type NaiveAnswer = { tokens: number[]; thoughts: number[] };

/** Greedy, with the model's own thoughts. */
export async function naiveAnswer(
  session: Session,
  config: ModelConfig,
  request: GenerationRequest,
): Promise<NaiveAnswer> {
  const { latentEntry: entry, maxTokens } = request;
  const inputs: Input[] = [...request.promptIds];
  const thoughts: number[] = [];
  const think = async (before: number[], after: number[]) => {
    inputs.push(...before);
    for (let k = 0; k < request.thoughts.count; k++) {
      const { hidden } = await lastPosition(session, config, inputs);
      thoughts.push(...hidden);
      inputs.push(hidden);
    }
    inputs.push(...after);
  };
  if (!entry) await think([], request.suffixIds);
  const tokens: number[] = [];
  let hasThought = !entry;
  const isDue = () =>
    tokens.filter((id) => entry?.lineEndIds.includes(id)).length === entry?.afterLines;
  while (tokens.length < maxTokens) {
    if (entry && !hasThought && isDue()) {
      hasThought = true;
      await think([entry.botId], [entry.eotId]);
    }
    const { logits } = await lastPosition(session, config, inputs);
    const mayWrite = entry?.afterLines === null && !hasThought;
    if (entry && !mayWrite) logits[entry.botId] = Number.NEGATIVE_INFINITY;
    const best = logits.indexOf(Math.max(...logits));
    if (mayWrite && best === entry.botId) {
      hasThought = true;
      await think([best], [entry.eotId]);
      continue;
    }
    if (request.stopIds.includes(best)) break;
    tokens.push(best);
    inputs.push(best);
  }
  return { tokens, thoughts };
}

/** State [D] and logits [V] at the last of the inputs. */
export async function lastPosition(
  session: Session,
  config: ModelConfig,
  inputs: readonly Input[],
) {
  const { width: D, kvHeads: H, headSize, layers: L } = dimensionsOf(config);
  const T = inputs.length;
  const thought = new Float32Array(T * D);
  inputs.forEach((input, t) => {
    if (typeof input !== 'number') thought.set(input, t * D);
  });
  const int64 = (values: number[]) => BigInt64Array.from(values, (value) => BigInt(value));
  const feeds: Record<string, Tensor> = {
    token_ids: tensor('int64', int64(inputs.map((x) => (typeof x === 'number' ? x : 0))), [1, T]),
    position_ids: tensor('int64', int64([...inputs.keys()]), [1, T]),
    thought: tensor('float32', thought, [1, T, D]),
    is_thought: tensor(
      'float32',
      Float32Array.from(inputs, (x) => (typeof x === 'number' ? 0 : 1)),
      [1, T, 1],
    ),
    // The graph wants a past: one position that nothing may look at.
    past_bias: tensor('float32', Float32Array.of(MASKED), [1, 1, 1, 1]),
    new_bias: tensor('float32', new Float32Array(T), [1, 1, 1, T]),
    hidden_rows: tensor('int64', int64([T - 1]), [1]),
    logit_rows: tensor('int64', int64([T - 1]), [1]),
  };
  for (let l = 0; l < L; l++) {
    feeds[`past_key.${l}`] = tensor('float32', new Float32Array(H * headSize), [1, H, 1, headSize]);
    feeds[`past_value.${l}`] = tensor('float32', new Float32Array(H * headSize), [
      1,
      H,
      1,
      headSize,
    ]);
  }
  const outputs = await session.run(feeds);
  return {
    hidden: Float32Array.from(outputs['hidden']?.data as Float32Array),
    logits: outputs['logits']?.data as Float32Array,
  };
}
