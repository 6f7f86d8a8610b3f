// Curves made fit for a page: smoothing of noisy figures, and thinning of long runs. Pure.

export type Point = { x: number; y: number };

/** Rows of equal `key`, in order of first appearance. (Map.groupBy needs Node 21.) */
export function groupBy<Row, Key>(rows: readonly Row[], key: (row: Row) => Key): Map<Key, Row[]> {
  const groups = new Map<Key, Row[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) group.push(row);
    else groups.set(key(row), [row]);
  }
  return groups;
}

/** The group with the most rows, the first of equals, and its key; of no rows there is none. */
export const largestGroup = <Row, Key>(groups: Map<Key, Row[]>): [Key, Row[]] =>
  [...groups].reduce((a, b) => (b[1].length > a[1].length ? b : a));

/**
 * Exponential moving mean of y in which the weight of a point halves every `halfLife` points. Divided by
 * the sum of the weights, so that the curve starts at the first value and not near zero (Adam,
 * arXiv 1412.6980, section 3).
 */
export function smooth(points: readonly Point[], halfLife: number): Point[] {
  const keep = 0.5 ** (1 / halfLife);
  let [sum, weight] = [0, 0];
  return points.map(({ x, y }) => {
    sum = keep * sum + y;
    weight = keep * weight + 1;
    return { x, y: sum / weight };
  });
}

/**
 * At most `limit` points (4 where that is more) that draw the same outline: the first, the last, and the lowest and
 * highest of each of the equal slices between, so that a spike survives.
 */
export function thin(points: readonly Point[], limit: number): Point[] {
  if (points.length <= Math.max(4, limit)) return [...points];
  const inner = points.slice(1, -1);
  const slices = Math.max(1, Math.floor((limit - 2) / 2));
  const thinned = [points[0]!];
  for (let i = 0; i < slices; i++) {
    const slice = inner.slice(
      Math.floor((i * inner.length) / slices),
      Math.floor(((i + 1) * inner.length) / slices),
    );
    const low = slice.reduce((a, b) => (b.y < a.y ? b : a));
    const high = slice.reduce((a, b) => (b.y > a.y ? b : a));
    thinned.push(...(low.x < high.x ? [low, high] : [high, low]));
  }
  thinned.push(points.at(-1)!);
  return thinned;
}
