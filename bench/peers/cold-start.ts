// From exec to the end of the first answer, by the clock of whoever waits for it.
import { startServer } from '../../loadtest/server-process.ts';

export type ColdStart = {
  /** Until the port takes connections. */
  listenMs: number;
  /** Until a short chat answer, asked for at once, has come whole. */
  answerMs: number;
};

export async function timeColdStart(environment: Record<string, string>): Promise<ColdStart> {
  const start = performance.now();
  const server = await startServer(environment);
  const listenMs = performance.now() - start;
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: environment['MODEL'],
      messages: [{ role: 'user', content: 'Is Tom a zebra?' }],
      max_completion_tokens: 8,
    }),
  });
  const text = await response.text();
  const answerMs = performance.now() - start;
  await server.stop();
  if (!response.ok) throw new Error(`the first answer was ${response.status}: ${text}`);
  return { listenMs, answerMs };
}
