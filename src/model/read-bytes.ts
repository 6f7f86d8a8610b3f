// Bytes of an open file, however many.
import { readSync } from 'node:fs';

/** One read takes less than 2 GiB. */
const pieceBytes = 2 ** 30;

/** Fills `bytes` from `position` on. Returns how many there were: fewer where the file ends before. */
export function readBytes(file: number, bytes: Uint8Array, position: number): number {
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(bytes.length - done, pieceBytes);
    const count = readSync(file, bytes, done, length, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
