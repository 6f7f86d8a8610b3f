// An inspection in words, for the terminal: thoughts, the likeliest nodes after each, branches, inner products. Pure.
import type { Inspection, SearchTree } from '../inspect/inspection.ts';
import { nodeGroups } from '../inspect/node-groups.ts';
import type { TextTable } from './comparison.ts';
import { markdownTable } from './markdown.ts';

/** Nodes told of after each number of thoughts. */
const TOP_NODES = 4;

export function inspectionText(inspection: Inspection): string {
  const { checkpoint, data, item, question, answer, tree } = inspection;
  const tables = tree ? [branchRows(inspection), productRows(inspection)] : [];
  return [
    `${checkpoint} on item ${item} of ${data}`,
    `${question}\n→ ${answer}`,
    thoughtLines(inspection).join('\n'),
    ...(tree ? [valueLines(tree).join('\n')] : []),
    ...tables.map(({ head, rows }) => markdownTable(head, rows)),
  ].join('\n\n');
}

/** Of thoughts that are refined together, which the engine does not follow one by one. */
export const noWords = 'no words of thoughts that are refined together';

/** White space alone would show as nothing. */
export const shownWord = (word: string): string => word.trim() || JSON.stringify(word);

function thoughtLines({ thoughts }: Inspection): string[] {
  if (thoughts.length === 0) return [noWords];
  return thoughts.map(({ words, norm, cosine }, k) => {
    const read = words.map(
      ({ word, probability }) => `${shownWord(word)} ${probability.toFixed(2)}`,
    );
    const turn = cosine === null ? '' : `, cosine to the one before ${cosine.toFixed(2)}`;
    return `thought ${k + 1}: ${read.join(', ')} (norm ${norm.toFixed(1)}${turn})`;
  });
}

function valueLines({ words, values }: SearchTree): string[] {
  return Object.entries(values).flatMap(([readOut, byThoughts]) =>
    byThoughts.flatMap((probabilities, thoughts) => {
      if (readOut === 'thought' && thoughts === 0) return [];
      const top = probabilities
        .map((p, node) => ({ p, word: words[node]! }))
        .sort((a, b) => b.p - a.p)
        .slice(0, TOP_NODES)
        .map(({ p, word }) => `${word} ${p.toFixed(2)}`);
      return [`read from the ${readOut}, ${thoughts} thoughts: ${top.join(', ')}`];
    }),
  );
}

/** How many branches of the search are alive. */
export function branchRows({ branches }: Inspection): TextTable {
  return {
    head: ['read from, thoughts', 'items', 'frontier', 'alive', 'effective', 'on the frontier (%)'],
    rows: branches.map(({ readOut, thoughts, items, frontier, alive, effective, mass }) => [
      `${readOut}, ${thoughts}`,
      `${items}`,
      frontier.toFixed(1),
      alive.toFixed(1),
      effective.toFixed(1),
      (100 * mass).toFixed(1),
    ]),
  };
}

/** Inner products by thought and group of nodes, mean ± standard deviation over nodes. */
export function productRows({ products }: Inspection): TextTable {
  const thoughts = [...new Set(products.map(({ thought }) => thought))];
  return {
    head: ['thought', ...nodeGroups],
    rows: thoughts.map((thought) => [
      `${thought}`,
      ...nodeGroups.map((group) => {
        const found = products.find((one) => one.thought === thought && one.group === group);
        return found ? `${found.mean.toFixed(1)} ± ${found.deviation.toFixed(1)}` : '';
      }),
    ]),
  };
}
