import { createHash, randomFillSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fileSha256 } from '../../src/model/checkpoint-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

it.each([0, 1, 2 ** 20, 2 ** 21 + 5])(
  'a file of %i bytes is hashed in parts as at once',
  (size) => {
    const path = join(temporaryDirectory(), 'file');
    const bytes = randomFillSync(new Uint8Array(size));
    writeFileSync(path, bytes);
    expect(fileSha256(path)).toBe(createHash('sha256').update(bytes).digest('hex'));
  },
);
