// `inspect`: a checkpoint that thinks → its thoughts as words, the search tree of one item, and means over many.
import { basename } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { type Checkpoint, readCheckpoint, readWeights } from '../model/checkpoint.ts';
import { meanRow } from '../model/embedding-rows.ts';
import { dimensionsOf } from '../model/model-config.ts';
import { parameterTable } from '../model/parameters.ts';
import { tokenText } from '../model/tokenizer.ts';
import { formats } from './datasets/formats.ts';
import { type ProsqaItem, readProsqa } from './datasets/prosqa.ts';
import { withEngine } from './evaluate-command.ts';
import { type Inspection, keepInspection, type SearchTree } from './inspect/inspection.ts';
import type { Pace } from './inspect/node-groups.ts';
import { nameProbabilities, readThoughts, type Thoughts } from './inspect/read-out.ts';
import { branchesOf, productsOf, type SurveyedItem } from './inspect/survey.ts';
import { inspectionText } from './report/inspection-text.ts';
import { runOf } from './training-config.ts';

export type InspectOptions = {
  data?: string;
  item: number;
  items: number;
  words: number;
  threads: number;
  write: string;
};

export async function inspectCommand(dir: string, options: InspectOptions): Promise<void> {
  const checkpoint = readCheckpoint(dir);
  const { filler, method } = checkpoint.config.coconut;
  if (filler !== 'thought') throw new Error(`${dir}: its method ${method} has no thoughts`);
  const settings = { threads: options.threads, weights: 'fp32' } as const;
  const inspection = await withEngine(dir, settings, (engine) =>
    inspect(engine, checkpoint, options),
  );
  keepInspection(options.write, inspection);
  console.log(inspectionText(inspection));
}

async function inspect(
  engine: Engine,
  checkpoint: Checkpoint,
  { data, item: index, items: limit, words }: InspectOptions,
): Promise<Inspection> {
  const run = runOf(checkpoint);
  const file = data ?? run.data.validation;
  const graphs = run.data.kind === 'prosqa' ? readProsqa(file, 'throw').items : null;
  const examples =
    graphs?.map(({ example }) => example) ?? formats[run.data.kind].read(file, 'throw').items;
  const example = examples[index];
  if (!example) throw new Error(`--item ${index}: ${file} has ${examples.length} items`);
  const { traces } = await readThoughts(engine, checkpoint, example.question, words);
  const seen = {
    checkpoint: checkpoint.id,
    sha256: checkpoint.sha256,
    data: basename(file),
    item: index,
    question: example.question,
    answer: example.answer,
    thoughts: traces.map(({ words, norm, cosine }) => ({
      words: words.map(({ tokenId, probability }) => ({
        word: tokenText(checkpoint.tokenizer, tokenId),
        probability,
      })),
      norm,
      cosine,
    })),
  };
  if (!graphs) return { ...seen, tree: null, branches: [], products: [] };

  const pace: Pace = run;
  const embeddings = embeddingOf(checkpoint);
  const survey = await Promise.all(
    graphs.slice(0, limit).map((item) => surveyItem(engine, checkpoint, item, embeddings)),
  );
  const chosen = graphs[index]!;
  const { values } = survey[index] ?? (await surveyItem(engine, checkpoint, chosen, embeddings));
  const { graph, words: names, root, target, distractor } = chosen;
  return {
    ...seen,
    tree: { words: names, edges: graph.edges, root, target, distractor, values },
    branches: branchesOf(survey, pace),
    products: productsOf(survey, pace),
  };
}

async function surveyItem(
  engine: Engine,
  checkpoint: Checkpoint,
  item: ProsqaItem,
  embeddings: (word: string) => Float32Array,
): Promise<SurveyedItem> {
  const { tokenizer, config } = checkpoint;
  const { question } = item.example;
  const own = config.coconut.default_thoughts;
  const seen = await readThoughts(engine, checkpoint, question, tokenizer.vocabSize);
  const name = item.words[item.root]!;
  const after = (beginning: (thoughts: number) => string) =>
    Promise.all(
      Array.from({ length: own + 1 }, (_, thoughts) =>
        nameProbabilities(engine, checkpoint, question, {
          thoughts,
          beginning: beginning(thoughts),
          names: item.words,
        }),
      ),
    );
  const values: SearchTree['values'] = {
    thought: [item.words.map(() => 0), ...headValues(seen, item.words, checkpoint)],
    // Without a thought the first step is still to be said; after k, the next one begins at depth k.
    step: await after((thoughts) => (thoughts === 0 ? `${name} is a` : 'Every')),
    answer: await after(() => `${config.coconut.answer_marker}${name} is a`),
  };
  const width = seen.vectors.length / own;
  const nodes = item.words.map(embeddings);
  const products = Array.from({ length: own }, (_, k) => {
    const thought = seen.vectors.subarray(k * width, (k + 1) * width);
    return nodes.map((node) => dot(thought, node));
  });
  return { item, values, products };
}

/** Probability of each word's first token under the LM head, thought by thought. */
function headValues(
  { traces }: Thoughts,
  words: readonly string[],
  { tokenizer }: Checkpoint,
): number[][] {
  return traces.map((trace) => {
    const probabilities = new Map(trace.words.map((w) => [w.tokenId, w.probability]));
    return words.map((word) => probabilities.get(tokenizer.encode(` ${word}`)[0]!)!);
  });
}

/** Of a word in the middle of a text: the mean over its tokens. */
function embeddingOf(checkpoint: Checkpoint): (word: string) => Float32Array {
  const { name } = parameterTable(checkpoint.config).find(({ kind }) => kind === 'embedding')!;
  const table = readWeights(checkpoint).get(name)!; // [V, D]
  const { width: D } = dimensionsOf(checkpoint.config);
  return (word) => meanRow(table, D, checkpoint.tokenizer.encode(` ${word}`));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
