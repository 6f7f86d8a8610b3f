// The Dockerfile by itself; that it builds and runs is what scripts/replay-dockerfile.ts shows in CI.
import { existsSync, readFileSync } from 'node:fs';
import { validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { readCopy, readDockerfile, readEnv } from '../../scripts/dockerfile.ts';
import { readConfig } from '../../src/config.ts';

const text = readFileSync('deploy/Dockerfile', 'utf8');
const stages = readDockerfile(text);
const last = stages.at(-1)?.instructions ?? [];
const textOf = (keyword: string) => last.find((line) => line.keyword === keyword)?.text ?? '';

describe.each(['deploy/Dockerfile', 'deploy/Dockerfile.gpu'])('%s', (path) => {
  it('has nothing that the linter minds', () => {
    const found = validate(readFileSync(path, 'utf8'));
    expect(found.map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
  });

  it('ends as nobody in particular', () => {
    const users = readDockerfile(readFileSync(path, 'utf8'))
      .at(-1)!
      .instructions.filter(({ keyword }) => keyword === 'USER');
    expect(users.at(-1)?.text).toBe('10001:10001');
  });
});

describe('deploy/Dockerfile', () => {
  it('starts node itself', () => {
    expect(JSON.parse(textOf('ENTRYPOINT'))).toEqual(['node', 'dist/main.js']);
    expect(existsSync('src/main.ts')).toBe(true);
  });

  it('listens on the port that it exposes, on every interface', () => {
    const environment = Object.assign(
      {},
      ...last.filter(({ keyword }) => keyword === 'ENV').map(readEnv),
    );
    const { port, host } = readConfig(environment);
    expect(textOf('EXPOSE')).toBe(String(port));
    expect(host).toBe('0.0.0.0');
  });

  it('copies what exists, and its ignore file lets through no more and no less', () => {
    const sources = stages
      .flatMap(({ instructions }) => instructions.filter(({ keyword }) => keyword === 'COPY'))
      .map(readCopy)
      .flatMap(({ from, sources }) => (from === null ? sources : []));
    expect(sources.filter((source) => !existsSync(source))).toEqual([]);
    const ignore = readFileSync('deploy/Dockerfile.dockerignore', 'utf8').split('\n');
    const admitted = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(admitted.sort()).toEqual([...new Set(sources)].sort());
    expect(ignore).toContain('*');
  });
});

describe('readDockerfile', () => {
  it('names stages, joins lines and leaves comments out', () => {
    const [first, second] = readDockerfile(
      'ARG A=1\nFROM a AS build\n# no\nRUN one && \\\n  # nor this\n  two\nFROM b\nENV X=1 Y=a=b\n',
    );
    expect(first).toEqual({
      name: 'build',
      instructions: [{ keyword: 'RUN', text: 'one && two' }],
    });
    expect(second?.name).toBe('1');
    expect(second?.instructions.map(readEnv)).toEqual([{ X: '1', Y: 'a=b' }]);
  });

  it('refuses what it does not understand', () => {
    expect(() => readDockerfile('RUN x\nFROM a')).toThrow('RUN before FROM');
    expect(() => readDockerfile('FROM')).toThrow('cannot read Dockerfile line "FROM"');
    expect(() => readCopy({ keyword: 'COPY', text: '--chown=1 a b' })).toThrow('--chown=1');
    expect(() => readCopy({ keyword: 'COPY', text: 'a' })).toThrow('no destination');
  });
});
