// The map of src/ as rules: who may import whom, who may touch the process and the runtime, how long a
// file may get. A failure lists the offending files.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

type SourceFile = { path: string; text: string; lines: number; imports: Import[] };
/** `from` is a path from the root, or a package's name. */
type Import = { from: string; typesOnly: boolean };

const statement =
  /^(?:import|export)\s+(?:(?<type>type\s+)?(?<names>[^'"();]*?)\s+from\s+)?'(?<from>[^']+)'/gm;
const dynamic = /\bimport\(\s*'(?<from>[^']+)'/g;

function importsOf(path: string, text: string): Import[] {
  const resolve = (from: string) =>
    from.startsWith('.') ? posix.join(posix.dirname(path), from) : from;
  const named = (names = '') => names.match(/\{(?<list>[^}]*)\}/)?.groups?.['list'] ?? '';
  const still = [...text.matchAll(statement)].map(({ groups }) => {
    const list = named(groups!['names'])
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    const typesOnly = list.length > 0 && list.every((name) => name.startsWith('type '));
    return { from: resolve(groups!['from']!), typesOnly: !!groups!['type'] || typesOnly };
  });
  const later = [...text.matchAll(dynamic)].map(({ groups }) => ({
    from: resolve(groups!['from']!),
    typesOnly: false,
  }));
  return [...still, ...later];
}

function readFiles(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name))
    .filter((path) => /\.(m?ts|m?js)$/.test(path))
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      return {
        path,
        text,
        lines: text.trimEnd().split('\n').length,
        imports: importsOf(path, text),
      };
    });
}

const sources = readFiles('src');
const pageModules = readFiles('playground');

/** Folder → what its files may import of src/, a prefix each; the folder itself goes without saying. */
const arrows: Record<string, string[]> = {
  'src/onnx/': [],
  'src/model/': ['src/onnx/', 'src/random.ts'],
  'src/engine/': [
    'src/model/',
    'src/onnx/',
    'src/clock.ts',
    'src/errors.ts',
    'src/random.ts',
    'src/start-worker.ts',
  ],
  'src/routes/': [
    'src/engine/engine.ts',
    'src/engine/messages.ts',
    'src/engine/detokenizer.ts',
    'src/model/',
    'src/config.ts',
    'src/errors.ts',
    'src/log.ts',
    'src/metrics.ts',
  ],
  'src/training/': [
    'src/model/',
    'src/onnx/',
    'src/errors.ts',
    'src/random.ts',
    'src/start-worker.ts',
  ],
  'src/import/': ['src/model/'],
};

/** Evaluation goes through the engine, so that what is scored is what is served. */
const evaluation = [
  ...['', '-command', '-stopping'].map((part) => `src/training/evaluate${part}.ts`),
  'src/training/measure.ts',
  'src/training/question-request.ts',
  'src/training/inspect-command.ts',
  'src/training/inspect/read-out.ts',
];
const tables = ['src/model/fillers.ts'];
const engineHandle = ['src/engine/engine.ts', 'src/engine/messages.ts'];

const isAllowed = (path: string, folder: string, from: string): boolean =>
  from.startsWith(folder) ||
  arrows[folder]!.some((prefix) => from.startsWith(prefix)) ||
  (evaluation.includes(path) && engineHandle.includes(from));

describe('imports', () => {
  it('are seen at all', () => {
    const main = sources.find(({ path }) => path === 'src/training/evaluate.ts')!;
    expect(main.imports).toContainEqual({ from: 'src/engine/engine.ts', typesOnly: true });
    const values = { from: 'src/training/question-request.ts', typesOnly: false };
    expect(main.imports).toContainEqual(values);
  });

  it.each(Object.keys(arrows))('%s only looks where it may', (folder) => {
    const wrong = sources
      .filter(({ path }) => path.startsWith(folder))
      .flatMap(({ path, imports }) =>
        imports
          .filter(({ from }) => from.startsWith('src/') && !isAllowed(path, folder, from))
          .map(({ from }) => `${path} imports ${from}`),
      );
    expect(wrong).toEqual([]);
  });

  it('of the playground stay in it', () => {
    const imports = pageModules.flatMap((file) => file.imports.map(({ from }) => from));
    expect(imports.length).toBeGreaterThan(0);
    expect(imports.filter((from) => !from.startsWith('playground/'))).toEqual([]);
  });

  it('of the runtime stand in one file', () => {
    const users = sources.filter(({ imports }) =>
      imports.some(({ from }) => from.startsWith('onnxruntime')),
    );
    expect(users.map(({ path }) => path)).toEqual(['src/onnx/session.ts']);
  });

  it.each(['src/engine/scheduler.ts', 'src/training/curriculum.ts', 'src/routes/chat-response.ts'])(
    'of %s are types, and tables that import nothing: it is pure',
    (path) => {
      const importsBy = (at: string) => sources.find((source) => source.path === at)!.imports;
      const values = importsBy(path).filter(({ typesOnly }) => !typesOnly);
      expect(values.filter(({ from }) => !tables.includes(from))).toEqual([]);
      expect(tables.flatMap(importsBy)).toEqual([]);
    },
  );
});

describe('files', () => {
  it('leave the environment to config.ts, which main.ts hands it to', () => {
    const users = sources.filter(({ text }) => text.includes('process.env'));
    expect(users.map(({ path }) => path)).toEqual(['src/main.ts', 'src/onnx/telemetry-off.ts']);
    const [main, telemetry] = users.map(({ text }) => text.match(/.*process\.env.*/g));
    expect(main).toEqual([expect.stringContaining('readConfig(process.env)')]);
    // Written, never read.
    expect(telemetry).toEqual([expect.stringMatching(/process\.env\['\w+'\] = '1';$/)]);
  });

  it('leave starting a thread to start-worker.ts', () => {
    const starters = sources.filter(({ text }) => /\bnew Worker\(/.test(text));
    expect(starters.map(({ path }) => path)).toEqual(['src/start-worker.ts']);
  });

  it('open with a comment that says what they own', () => {
    const silent = [...sources, ...pageModules].filter(
      ({ text }) => !/^(#!.*\n)?\/[/*]/.test(text),
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('have names of their own: no barrels, no utils, no default exports', () => {
    const odd = sources.filter(
      ({ path, text }) =>
        /\/(index|utils?|helpers?)\.m?[tj]s$/.test(path) || /^export (\*|default)/m.test(text),
    );
    expect(odd.map(({ path }) => path)).toEqual([]);
  });

  it('stay short', () => {
    const all = [...sources, ...pageModules, ...readFiles('test')];
    const over = (limit: number) =>
      all.filter(({ lines }) => lines > limit).map(({ path, lines }) => `${path}: ${lines} lines`);
    if (over(250).length > 0) console.warn(`over 250 lines:\n${over(250).join('\n')}`);
    expect(over(350)).toEqual([]);
    const scheduler = sources.find(({ path }) => path === 'src/engine/scheduler.ts')!;
    expect(scheduler.lines).toBeLessThanOrEqual(120);
  });
});
