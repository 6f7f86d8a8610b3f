// What in a run file does not go together, key by key each in order: settings that would have no effect, that a method
// or data set has no use for, or that would fail only when their segment begins. Pure.
import { fillers } from '../model/fillers.ts';
import type { DataKind } from './datasets/formats.ts';
import { impossibleConcepts, NEGATED_STATEMENTS } from './datasets/prontoqa-generator.ts';
import { impossibleSizes, PROSQA_SIZES } from './datasets/prosqa-generator.ts';
import { NODE_COUNT } from './datasets/superposition.ts';
import { methods } from './methods.ts';
import type { Settings } from './training-config.ts';

export type Problem = { path: (string | number)[]; message: string };

type Sizes = { nodes: [number, number]; minHops: number; maxHops: number };

const prosqaProblem = ({ nodes: [min, max], minHops, maxHops }: Sizes): string | null =>
  impossibleSizes({ nodes: { min, max }, hops: { min: minHops, max: maxHops } });

/** What is wrong with a segment's sizes, by data set. Only questions that are graphs have frontiers, and sizes that can grow. */
const sizeProblems: Partial<Record<DataKind, (sizes: Sizes) => string | null>> = {
  prosqa: prosqaProblem,
  prontoqa: ({ nodes }) => impossibleConcepts(nodes),
  superposition: (sizes) =>
    sizes.nodes[1] > NODE_COUNT
      ? `node numbers run below ${NODE_COUNT}, got up to ${sizes.nodes[1]} nodes`
      : prosqaProblem(sizes),
};

/** All of them at once, with the path of the key each. */
export function problemsOf(config: Settings): Problem[] {
  const problems: Problem[] = [];
  const refuse = (path: Problem['path'], message: string): void => {
    problems.push({ path, message });
  };
  const { kind } = config.data;
  if (config.supervision === 'frontier' && !sizeProblems[kind])
    refuse(['supervision'], `${kind} has no frontiers`);
  const { filler, stages } = methods[config.method];
  const asked = {
    stopHead: config.stopHead !== null,
    distillation: config.distillation !== null,
    latentUpdate: config.latentUpdate.kind !== 'sequential',
    supervision: config.supervision !== 'none',
    wordSteps: config.wordSteps > 0,
  };
  for (const [key, isAsked] of Object.entries(asked))
    if (isAsked && filler !== 'thought') refuse([key], `${config.method} has no thoughts`);
  if (!config.padThoughts && !asked.stopHead && fillers[filler].slot !== null)
    refuse(['padThoughts'], 'a server cannot know the number of thoughts without a stop head');
  if (config.tokenRemoval.keepPositions && stages !== 'tokens')
    refuse(['tokenRemoval', 'keepPositions'], `${config.method} removes no tokens`);
  if (config.supervision === 'frontier' && asked.wordSteps)
    refuse(['wordSteps'], 'frontiers are of a search from the question, not from its first steps');
  if (asked.stopHead && asked.latentUpdate)
    refuse(['stopHead'], 'thoughts that are refined together are not ended one by one');
  if (config.lora && config.start.kind !== 'checkpoint')
    refuse(['lora'], 'an adapter is of a start checkpoint');
  if (config.lora && asked.stopHead) refuse(['lora'], 'an adapter has no stop head');
  if ((config.start.kind === 'checkpoint') !== (config.model === null))
    refuse(
      ['model'],
      config.model ? 'the start checkpoint has its own sizes' : 'fresh weights need sizes',
    );
  if (config.supervision === 'decoder' && (config.decoderLayers ?? config.model) === null)
    refuse(['decoderLayers'], 'say how many: the run file has no model to take them from');
  const { groups, microBatches } = config.batch;
  if (groups % microBatches !== 0)
    refuse(['batch', 'microBatches'], `${groups} groups do not part into ${microBatches}`);
  const ofSegments = config.segments.flatMap((segment, i) =>
    segmentProblems(segment, config).map(({ path, message }) => ({
      path: ['segments', i, ...path],
      message,
    })),
  );
  return [...problems, ...ofSegments];
}

/** Paths within the segment. */
function segmentProblems(
  segment: Settings['segments'][number],
  { method, data }: Settings,
): Problem[] {
  const problems: Problem[] = [];
  const refuse = (key: keyof typeof segment, message: string): void => {
    problems.push({ path: [key], message });
  };
  const { kind } = data;
  const { filler, stages } = methods[method];
  const sizeProblem = sizeProblems[kind];
  const { task, nodes, maxHops, also, negatedStatements, rowsWithZeros, removedTokens } = segment;
  if (nodes !== null && !sizeProblem) refuse('nodes', `${kind} has no graphs`);
  const impossible = nodes !== null && sizeProblem?.({ ...segment, nodes });
  if (impossible) refuse('nodes', impossible);
  const impossibleAlso = also && sizeProblem?.(also);
  if (impossibleAlso) refuse('also', impossibleAlso);
  if (removedTokens !== null && stages !== 'tokens')
    refuse('removedTokens', `${method} removes no tokens`);
  if (maxHops !== PROSQA_SIZES.hops.max && (kind === 'prontoqa' || nodes === null))
    refuse('maxHops', 'only for ProsQA and superposition graphs, with nodes');
  if (also !== null && kind !== 'prosqa') refuse('also', 'only for ProsQA');
  if (negatedStatements !== NEGATED_STATEMENTS && (kind !== 'prontoqa' || nodes === null))
    refuse('negatedStatements', 'only for ProntoQA, with nodes');
  if (rowsWithZeros > 0) {
    if (data.kind !== 'multiplication') refuse('rowsWithZeros', `${kind} has no factors`);
    else if (data.digits === 1)
      refuse('rowsWithZeros', 'a factor of one digit has none that may be zero');
  }
  if (task === 'walks' && kind !== 'prosqa') refuse('task', `there are no walks over ${kind}`);
  if (task === 'text' && filler !== 'thought')
    refuse('task', `${method} has no thoughts to put into text`);
  return problems;
}
