// CLI of the importer:
//   npm run import -- model.gguf --out models/name    a GGUF file becomes a checkpoint that can be served
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { writeCheckpoint } from '../model/checkpoint.ts';
import { readGguf } from './gguf.ts';

async function importModel(source: string, { out }: { out: string }): Promise<void> {
  if (!existsSync(source)) throw new Error(`${source}: there is no such file`);
  if (!source.endsWith('.gguf')) throw new Error(`${source}: only .gguf files can be imported`);
  writeCheckpoint(out, await readGguf(source));
  process.stdout.write(`${source} → ${out}\n`);
}

const program = new Command('import')
  .description('Turn a model in another format into a checkpoint directory.')
  .argument('<source>', 'a .gguf file of the Llama architecture')
  .requiredOption('--out <dir>', 'directory to write; its name is the model id')
  .action(importModel);
try {
  await program.parseAsync();
} catch (error) {
  program.error((error as Error).message);
}
