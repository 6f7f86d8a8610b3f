// Steady arrival rate against a running server, for k6 2 (`k6 run loadtest/k6/chat.ts`).
// TARGET, MODEL, RATE (requests/s), DURATION, MAX_TOKENS, TTFT_MS, API_KEY and SUMMARY come with -e.
// k6/http buffers the body, so answers are not streamed: first-token times are the server's own.
import { check } from 'k6';
import { SharedArray } from 'k6/data';
import http from 'k6/http';
import { Counter, Rate, Trend } from 'k6/metrics';
import type { Options } from 'k6/options';

const env: Partial<
  Record<
    'TARGET' | 'MODEL' | 'RATE' | 'DURATION' | 'MAX_TOKENS' | 'TTFT_MS' | 'API_KEY' | 'SUMMARY',
    string
  >
> = __ENV;
const target = env.TARGET ?? 'http://127.0.0.1:8080';
const model = env.MODEL ?? 'prosqa-coconut';
const rate = Number(env.RATE ?? 2);
const firstTokenLimitMs = Number(env.TTFT_MS ?? 2000);
const maxTokens = Number(env.MAX_TOKENS ?? 64);

const prompts = new SharedArray<string>('prompts', () =>
  JSON.parse(open('../../test/data/prosqa-sample.json')).map(
    (item: { question: string }) => item.question,
  ),
);

const timeToFirstToken = new Trend('time_to_first_token', true);
const queueTime = new Trend('queue_time', true);
const latentTime = new Trend('latent_time', true);
const thoughtsPerAnswer = new Trend('thoughts_per_answer');
const latentThoughts = new Counter('latent_thoughts');
const answerTokens = new Counter('answer_tokens');
/** Share of requests answered whole, with their first token in time. */
const goodput = new Rate('goodput');

export const options: Options = {
  scenarios: {
    steady: {
      executor: 'constant-arrival-rate',
      rate,
      timeUnit: '1s',
      duration: env.DURATION ?? '30s',
      preAllocatedVUs: Math.max(4, 4 * rate),
      maxVUs: Math.max(16, 16 * rate),
    },
  },
  thresholds: {
    http_req_failed: ['rate<0.01'],
    checks: ['rate>0.99'],
    time_to_first_token: [`p(95)<${firstTokenLimitMs}`],
    goodput: ['rate>0.95'],
    answer_tokens: ['count>0'],
    dropped_iterations: ['count<1'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'],
};

type ChatCompletion = {
  choices: { message: { content: string }; finish_reason: string }[];
  usage: {
    completion_tokens: number;
    completion_tokens_details: { reasoning_tokens: number };
  };
  timings: { queue_ms: number; latent_ms: number; time_to_first_token_ms: number | null };
};

export default async function chat(): Promise<void> {
  const prompt = prompts[Math.floor(Math.random() * prompts.length)];
  const body = {
    model,
    messages: [{ role: 'user', content: prompt }],
    max_completion_tokens: maxTokens,
  };
  const response = await http.asyncRequest(
    'POST',
    `${target}/v1/chat/completions`,
    JSON.stringify(body),
    {
      headers: {
        'content-type': 'application/json',
        ...(env.API_KEY && { authorization: `Bearer ${env.API_KEY}` }),
      },
      timeout: '60s',
    },
  );
  if (!check(response, { 'status is 200': (r) => r.status === 200 })) {
    goodput.add(false);
    return;
  }
  record(response.json() as unknown as ChatCompletion);
}

function record({ choices, usage, timings }: ChatCompletion): void {
  const thoughts = usage.completion_tokens_details.reasoning_tokens;
  const firstTokenMs = timings.time_to_first_token_ms;
  const answered = check(choices, {
    'answer has text': ([choice]) => (choice?.message.content.length ?? 0) > 0,
  });
  latentThoughts.add(thoughts);
  thoughtsPerAnswer.add(thoughts);
  answerTokens.add(usage.completion_tokens - thoughts);
  queueTime.add(timings.queue_ms);
  latentTime.add(timings.latent_ms);
  if (firstTokenMs !== null) timeToFirstToken.add(firstTokenMs);
  goodput.add(answered && firstTokenMs !== null && firstTokenMs < firstTokenLimitMs);
}

/** k6's own end-of-test text is replaced by the metrics as JSON, on stdout and in SUMMARY. */
export function handleSummary(data: object): Record<string, string> {
  const json = `${JSON.stringify(data, null, 2)}\n`;
  return { stdout: json, ...(env.SUMMARY && { [env.SUMMARY]: json }) };
}
