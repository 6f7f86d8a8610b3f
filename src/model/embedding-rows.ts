// Rows of an embedding table, one per token.

/** What opens a reasoning step in GSM8k's annotations; the reference's markers start as its row. */
export const STEP_OPENING = '<<';

/** Mean of the rows of `ids` in `table` [V, D]: for text that a vocabulary may not hold as one token. */
export function meanRow(table: Float32Array, width: number, ids: readonly number[]): Float32Array {
  const row = new Float32Array(width);
  for (const id of ids) {
    for (let d = 0; d < width; d++) row[d]! += table[id * width + d]! / ids.length;
  }
  return row;
}
