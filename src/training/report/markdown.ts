// Tables in Markdown, and figures as their cells have them.
import { mean } from '../statistics.ts';

/** The first column names the row, the others are figures. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** "mean ± sample standard deviation"; one value has no spread. */
export function meanAndSpread(values: readonly number[], digits = 1): string {
  const center = mean(values);
  if (values.length === 1) return center.toFixed(digits);
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
  const spread = Math.sqrt(squares / (values.length - 1));
  return `${center.toFixed(digits)} ± ${spread.toFixed(digits)}`;
}
