import { describe, expect, it } from 'vitest';
import { requireLoopback } from '../../loadtest/loopback.ts';

describe('requireLoopback', () => {
  it.each(['http://127.0.0.1:8080', 'http://127.8.9.10', 'http://[::1]:80', 'http://localhost'])(
    'takes %s',
    async (url) => {
      await expect(requireLoopback(new URL(url))).resolves.toBeUndefined();
    },
  );

  it.each([
    'http://10.0.0.1:8080',
    'http://192.168.1.2',
    'http://0.0.0.0',
    'http://[fe80::1]',
    'http://128.0.0.1',
  ])('refuses %s and names the flag', async (url) => {
    await expect(requireLoopback(new URL(url))).rejects.toThrow('--yes-i-own-this-target');
  });
});
