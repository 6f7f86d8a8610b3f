// CLI of the importer:
//   npm run import -- model.gguf --out models/name    a GGUF file becomes a checkpoint that can be served
//   npm run import -- gpt2/ --out models/name --thoughts 6    so does a Hugging Face directory; with
//   --thoughts it gets the markers of facebookresearch/coconut, to be trained or to be served thinking
import { statSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { type CheckpointParts, writeCheckpoint } from '../model/checkpoint-writer.ts';
import { readGguf } from './gguf.ts';
import { readHuggingFace } from './hugging-face.ts';

type Options = { out: string; thoughts?: number };

async function read(source: string, thoughts: number | null): Promise<CheckpointParts> {
  const found = statSync(source, { throwIfNoEntry: false });
  if (!found) throw new Error(`${source}: there is no such file or directory`);
  if (found.isDirectory()) return readHuggingFace(source, { thoughts });
  if (!source.endsWith('.gguf')) {
    throw new Error(`${source}: neither a directory nor a .gguf file`);
  }
  if (thoughts !== null) throw new Error(`${source}: --thoughts is for directories`);
  return readGguf(source);
}

async function importModel(source: string, { out, thoughts }: Options): Promise<void> {
  writeCheckpoint(out, await read(source, thoughts ?? null));
  process.stdout.write(`${source} → ${out}\n`);
}

function count(value: string): number {
  if (/^\d{1,4}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('must be a whole number from 0 to 9999.');
}

const program = new Command('import')
  .description('Turn a model in another format into a checkpoint directory.')
  .argument('<source>', 'a Hugging Face directory of a GPT-2 or Llama, or a .gguf file')
  .requiredOption('--out <dir>', 'directory to write; its name is the model id')
  .option('--thoughts <n>', 'thoughts per request unless it says otherwise', count)
  .action(importModel);
try {
  await program.parseAsync();
} catch (error) {
  program.error((error as Error).message);
}
