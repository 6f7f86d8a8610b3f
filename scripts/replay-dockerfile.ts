// Does on this machine what a Dockerfile says, without Docker and without its base images:
//   npx tsx scripts/replay-dockerfile.ts deploy/Dockerfile out/image
// Each stage becomes a folder; RUN runs in it with this machine's programs. The last stage's
// settings are written to image.json, which scripts/smoke.ts starts.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type Instruction, readCopy, readDockerfile, readEnv, type Stage } from './dockerfile.ts';

/** How to start the built folder: the runtime part of a container's configuration. */
export type Image = {
  workdir: string;
  env: Record<string, string>;
  uid: number | null;
  entrypoint: string[];
};

export function replayDockerfile(path: string, out: string): Image {
  rmSync(out, { recursive: true, force: true });
  const stages = readDockerfile(readFileSync(path, 'utf8'));
  const images = stages.map((stage) => replayStage(stage, resolve(out)));
  const last = images.at(-1);
  if (!last) throw new Error(`${path} has no FROM`);
  writeFileSync(join(out, 'image.json'), `${JSON.stringify(last, null, 2)}\n`);
  return last;
}

function replayStage({ name, instructions }: Stage, out: string): Image {
  const root = join(out, name);
  mkdirSync(root, { recursive: true });
  const image: Image = { workdir: root, env: {}, uid: null, entrypoint: [] };
  for (const instruction of instructions) replay(instruction, image, root, out);
  return image;
}

function replay(instruction: Instruction, image: Image, root: string, out: string): void {
  const { keyword, text } = instruction;
  switch (keyword) {
    case 'WORKDIR':
      image.workdir = join(root, text);
      mkdirSync(image.workdir, { recursive: true });
      return;
    case 'ENV':
      Object.assign(image.env, readEnv(instruction));
      return;
    case 'COPY':
      copy(instruction, image, out);
      return;
    case 'RUN':
      process.stderr.write(`[${basename(root)}] ${text}\n`);
      execFileSync('/bin/sh', ['-c', text], {
        cwd: image.workdir,
        env: { ...process.env, ...image.env },
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      return;
    case 'USER':
      image.uid = Number(text.split(':')[0]);
      return;
    case 'ENTRYPOINT':
      image.entrypoint = JSON.parse(text);
      return;
    case 'EXPOSE':
      return;
    default:
      throw new Error(`cannot replay ${keyword} ${text}`);
  }
}

function copy(instruction: Instruction, image: Image, out: string): void {
  const { from, sources, destination } = readCopy(instruction);
  for (const source of sources) {
    const origin = from === null ? resolve(source) : join(out, from, source);
    // A folder's contents are copied, not the folder; a file keeps its name in a destination folder.
    const intoFolder = statSync(origin).isFile() && destination.endsWith('/');
    const target = join(image.workdir, destination, intoFolder ? basename(origin) : '');
    cpSync(origin, target, { recursive: true, verbatimSymlinks: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const [path, out] = process.argv.slice(2);
  if (!path || !out) throw new Error('usage: replay-dockerfile.ts DOCKERFILE OUT');
  replayDockerfile(path, out);
}
