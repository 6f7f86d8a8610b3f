// Reads a Dockerfile as far as ours goes: stages of plain instructions, ARG only before the first FROM.

export type Instruction = { keyword: string; text: string };
export type Stage = { name: string; instructions: Instruction[] };

/** Stages in order; one without a name gets its index. Comments and continuation lines are gone. */
export function readDockerfile(text: string): Stage[] {
  const stages: Stage[] = [];
  for (const instruction of instructionsOf(text)) {
    if (instruction.keyword === 'FROM') {
      const name = /\sAS\s+(\S+)$/i.exec(instruction.text)?.[1] ?? String(stages.length);
      stages.push({ name, instructions: [] });
    } else if (stages.length > 0) stages.at(-1)?.instructions.push(instruction);
    else if (instruction.keyword !== 'ARG') throw new Error(`${instruction.keyword} before FROM`);
  }
  return stages;
}

function instructionsOf(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  const joined = lines.join('\n').replace(/\\\n\s*/g, '');
  return joined.split('\n').map((line) => {
    const [, keyword, rest] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    if (!keyword || rest === undefined) throw new Error(`cannot read Dockerfile line "${line}"`);
    return { keyword: keyword.toUpperCase(), text: rest };
  });
}

export type Copy = { from: string | null; sources: string[]; destination: string };

export function readCopy({ text }: Instruction): Copy {
  const words = text.split(/\s+/);
  const flag = words[0]?.startsWith('--') ? words.shift() : undefined;
  if (flag && !flag.startsWith('--from=')) throw new Error(`COPY: cannot replay ${flag}`);
  const destination = words.pop();
  if (!destination || words.length === 0) throw new Error(`COPY: no destination in "${text}"`);
  return { from: flag?.slice('--from='.length) ?? null, sources: words, destination };
}

/** `A=1 B=2`, without quotes. */
export const readEnv = ({ text }: Instruction): Record<string, string> =>
  Object.fromEntries(text.split(/\s+/).map((pair) => pair.split(/=(.*)/).slice(0, 2)));
