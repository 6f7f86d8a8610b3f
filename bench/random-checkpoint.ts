// A whole checkpoint of GPT-2 small's shape with seeded random weights: what timings need of a
// model, without a download. Its text is noise.
import { addedToken, byteLevelBpe } from '../src/model/byte-level-bpe.ts';
import { lastQuestionTemplate } from '../src/model/chat-template.ts';
import { writeCheckpoint } from '../src/model/checkpoint-writer.ts';
import { type ModelConfig, modelConfigSchema } from '../src/model/model-config.ts';
import { parameterTable } from '../src/model/parameters.ts';
import { byteAlphabet } from '../src/model/tokenizer.ts';

const specials = ['<eos>', '<bot>', '<eot>'];
const vocab = 50_257;

export const gpt2Small: ModelConfig = modelConfigSchema.parse({
  model_type: 'gpt2',
  vocab_size: vocab,
  n_positions: 1024,
  n_embd: 768,
  n_layer: 12,
  n_head: 12,
  eos_token_id: vocab - 3,
  coconut: {
    method: 'coconut',
    filler: 'thought',
    thoughts_per_step: 1,
    max_stage: 6,
    default_thoughts: 6,
    bot_token_id: vocab - 2,
    eot_token_id: vocab - 1,
    answer_marker: '### ',
  },
});

export function writeRandomCheckpoint(dir: string, config: ModelConfig = gpt2Small): void {
  writeCheckpoint(dir, {
    config,
    weights: randomWeights(config),
    tokenizerJson: tokenizerJson(config.vocab_size),
    chatTemplate: lastQuestionTemplate,
    training: { run: 'random', updates: 0 },
    evalReport: null,
  });
}

/** GPT-2's own start: matrices and embeddings about 0.02 wide, gains 1, biases 0. */
export function randomWeights(config: ModelConfig): Map<string, Float32Array> {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; // Numerical Recipes' generator
    return state / 2 ** 32 - 0.5;
  };
  return new Map(
    parameterTable(config).map(({ name, shape, kind }) => {
      const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
      if (kind === 'gain') data.fill(1);
      if (kind === 'matrix' || kind === 'embedding') {
        for (let i = 0; i < data.length; i++) data[i] = 0.07 * uniform();
      }
      return [name, data];
    }),
  );
}

/** Bytes, then words that no text is encoded to, then the markers. */
function tokenizerJson(size: number) {
  const words = size - 256 - specials.length;
  const vocabulary = [...byteAlphabet(), ...Array.from({ length: words }, (_, i) => `w${i}`)];
  return byteLevelBpe({
    vocab: vocabulary.map((token, id) => [token, id] as const),
    merges: [],
    added: specials.map((content, i) => addedToken(vocabulary.length + i, content, true)),
  });
}
