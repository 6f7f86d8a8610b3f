// Comparing a key must not tell how much of it was right: hashes of one length, compared in constant
// time, every known key each time.
import { createHash } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import { FakeEngine, fakeApp, fakeModel } from '../support/fake-engine.ts';

const compared = vi.hoisted(() => [] as NodeJS.ArrayBufferView[][]);

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  const timingSafeEqual: typeof crypto.timingSafeEqual = (a, b) => {
    compared.push([a as Uint8Array, b as Uint8Array]);
    return crypto.timingSafeEqual(a, b);
  };
  return { ...crypto, timingSafeEqual };
});

const apiKeys = ['first', 'a-much-longer-second-key', 'third'];
const { app } = fakeApp([fakeModel(new FakeEngine())], { apiKeys });
const sha256 = (text: string) => createHash('sha256').update(text).digest();

it.each([
  ['that is the first', 'first', 200],
  ['that is the last', 'third', 200],
  ['that lacks a letter', 'firs', 401],
  ['that has one too many', 'first-', 401],
  ['of any length', 'x'.repeat(5000), 401],
])('a key %s is compared whole, with every known one', async (_, key, status) => {
  compared.splice(0);
  const headers = { authorization: `Bearer ${key}` };
  expect((await app.request('/v1/models', { headers })).status).toBe(status);
  expect(compared).toEqual(apiKeys.map((known) => [sha256(known), sha256(key)]));
});
