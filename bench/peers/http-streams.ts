// Many completions streamed at once over HTTP, read to their ends.
import { sseData } from '../../loadtest/sse.ts';

type Chunk = { error?: { message: string }; usage?: { completion_tokens: number } | null };

/** @returns seconds from the first request to the last end; throws where one brings other than `count` tokens */
export async function timeStreams(
  url: string,
  prompts: readonly number[][],
  count: number,
): Promise<number> {
  const start = performance.now();
  const model = await firstModel(url);
  const streamed = await Promise.all(prompts.map((prompt) => stream(url, model, prompt, count)));
  const wrong = streamed.find((tokens) => tokens !== count);
  if (wrong !== undefined) throw new Error(`a stream of ${count} tokens brought ${wrong}`);
  return (performance.now() - start) / 1000;
}

async function firstModel(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/models`);
  const { data } = (await response.json()) as { data: { id: string }[] };
  return data[0]!.id;
}

async function stream(url: string, model: string, prompt: number[], count: number) {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      prompt,
      max_tokens: count,
      temperature: 0,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true },
    }),
  });
  if (!response.ok || !response.body) {
    throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  }
  let tokens = 0;
  for await (const data of sseData(response.body)) {
    if (data === '[DONE]') return tokens;
    const { error, usage } = JSON.parse(data) as Chunk;
    if (error) throw new Error(`a stream failed: ${error.message}`);
    tokens = usage?.completion_tokens ?? tokens;
  }
  throw new Error('a stream ended without [DONE]');
}
