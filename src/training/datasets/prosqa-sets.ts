// Named test sets of generated ProsQA: out of the published distribution, or with its shortcuts levelled.
// Made by `npm run data -- draw --set <name>`.
import type { Random } from '../../random.ts';
import { ancestorCount } from './fact-graph.ts';
import type { ProsqaItem } from './prosqa.ts';
import { PUBLISHED_SHAPE } from './prosqa-dag.ts';
import { PROSQA_SIZES, ProsqaGenerator, type ProsqaOptions } from './prosqa-generator.ts';

type SetOptions = Omit<ProsqaOptions, 'excluded'>;

const sets = {
  '7-hop': { nodes: { min: 36, max: 40 }, hops: { min: 7, max: 7 } },
  '8-hop': { nodes: { min: 36, max: 40 }, hops: { min: 8, max: 8 } },
  /** No lineages and no depth: a node's parents are any earlier nodes. */
  dag: {
    ...PROSQA_SIZES,
    shape: { ...PUBLISHED_SHAPE, firstLineageChance: 0, secondLineageChance: 0, depthWeight: 0 },
  },
  dense: { ...PROSQA_SIZES, shape: { ...PUBLISHED_SHAPE, meanParents: 2.5 } },
  balanced: PROSQA_SIZES,
} satisfies Record<string, SetOptions>;

export type ProsqaSet = keyof typeof sets;

export const prosqaSets = Object.keys(sets) as ProsqaSet[];

/** `balanced` holds equally many items of each way in which the two shortcuts can be right or wrong. */
export function drawProsqaSet(name: ProsqaSet, random: Random, count: number): ProsqaItem[] {
  const generator = new ProsqaGenerator(random, { ...sets[name], excluded: new Set() });
  if (name !== 'balanced') return Array.from({ length: count }, () => generator.next());
  const quota = Math.ceil(count / 4);
  const drawn = new Map<string, ProsqaItem[]>();
  for (let total = 0; total < 4 * quota; ) {
    const item = generator.next();
    const cell = shortcutCell(item);
    if (cell === null) continue;
    const held = drawn.get(cell) ?? [];
    if (held.length === quota) continue;
    drawn.set(cell, [...held, item]);
    total++;
  }
  return random.shuffle([...drawn.values()].flat()).slice(0, count);
}

/** Which of "fewer parents" and "more ancestors" picks the target; null where one of them ties. */
function shortcutCell({ graph, target, distractor }: ProsqaItem): string | null {
  const parents = (node: number): number => graph.parents[node]!.length;
  const fewer = parents(distractor) - parents(target);
  const more = ancestorCount(graph, target) - ancestorCount(graph, distractor);
  return fewer === 0 || more === 0 ? null : `${fewer > 0}/${more > 0}`;
}
