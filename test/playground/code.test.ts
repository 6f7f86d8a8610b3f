import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { curlOf, sdkOf } from '../../playground/code.js';
import { type Asked, lanesOf } from '../../playground/lanes.js';

const question = 'It\'s "odd": $HOME `pwd` \\ \n* é?';
const asked: Asked = {
  model: 'm',
  question,
  thoughts: 2,
  trace: true,
  without: false,
  shuffled: false,
  written: null,
};
const [{ body }] = lanesOf(asked);

/** What a shell hands to curl. */
function argumentsOf(code: string): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\n${code}`;
  const { stdout, stderr } = spawnSync('sh', ['-c', script], {
    encoding: 'utf8',
    env: { API_KEY: 'secret' },
  });
  expect(stderr).toBe('');
  return stdout.split('\0').slice(0, -1);
}

describe('curl', () => {
  it('sends the body whatever characters the question has', () => {
    const given = argumentsOf(curlOf('http://h/v1', body, false));
    expect(given.slice(0, 2)).toEqual(['-sN', 'http://h/v1/chat/completions']);
    expect(JSON.parse(given[given.indexOf('-d') + 1]!)).toEqual(body);
    expect(given).not.toContain('authorization: Bearer secret');
  });

  it('takes a key from the environment', () => {
    const code = curlOf('http://h/v1', body, true);
    expect(code).not.toContain('secret');
    expect(argumentsOf(code)).toContain('authorization: Bearer secret');
  });
});

it('writes the SDK’s call with the same body, and no key', () => {
  const code = sdkOf('http://h/v1', body, true);
  const written = /create\((\{[\s\S]*?\n\})\)/.exec(code)?.[1];
  expect(JSON.parse(written!)).toEqual(body);
  expect(code).toContain('process.env.API_KEY');
});

describe('lanes', () => {
  const all = { ...asked, without: true, shuffled: true, written: 'cot' };
  const bodies = (given: Asked) => lanesOf(given).map((lane) => lane.body);

  it('are the request, then its controls on the same question', () => {
    expect(bodies(all)).toMatchObject([
      { model: 'm', latent_thoughts: 2, latent_trace: { top_k: 8 } },
      { model: 'm', latent_thoughts: 0 },
      { model: 'm', latent_thoughts: 2, latent_control: 'shuffle' },
      { model: 'cot', latent_thoughts: 0 },
    ]);
    expect(new Set(bodies(all).map(({ messages }) => messages[0]!.content))).toEqual(
      new Set([question]),
    );
    expect(new Set(lanesOf(all).map(({ title }) => title)).size).toBe(4);
  });

  it('leave out what cannot differ where there are no thoughts', () => {
    const [first, ...rest] = bodies({ ...all, thoughts: 0 });
    expect(first).not.toHaveProperty('latent_trace');
    expect(rest.map(({ model }) => model)).toEqual(['cot']);
    expect(bodies({ ...asked, trace: false })[0]).not.toHaveProperty('latent_trace');
  });
});
