// The only reader of environment variables: one schema, one frozen result, every bad key reported
// at once. docs/api.md lists what each one does.
import { availableParallelism, homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be from ${min} to ${max}`);

const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((value) => value === 'true');

const commaSeparated = z.string().transform((list) =>
  list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const hub = 'https://huggingface.co';
const bundledModels = fileURLToPath(new URL('../models', import.meta.url));
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const environmentSchema = z
  .object({
    /** 0 takes any free port. */
    PORT: whole(0, 65_535).default(8080),
    HOST: z.string().min(1).default('127.0.0.1'),
    /** A second port for /metrics alone, without a key. None without; 0 takes any free port. */
    METRICS_PORT: whole(0, 65_535).optional(),
    /** A checkpoint, or a folder of checkpoints; or a model of the hub, owner/name[@revision]. */
    MODEL_DIR: z.string().min(1).default(bundledModels),
    /** Checkpoint that is loaded before /readyz says 200: an id, a path or owner/name[@revision]. */
    MODEL: z.string().min(1).optional(),
    /** Where a model that is named owner/name comes from, the access it needs, and where it is kept. */
    HF_ENDPOINT: z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' }).default(hub),
    HF_TOKEN: z.string().startsWith('hf_', 'must begin with hf_').optional(),
    HUB_CACHE_DIR: z
      .string()
      .min(1)
      .default(join(homedir(), '.cache', 'coconut-serve')),
    /** Comma-separated; where it is not set, no key is asked for. */
    API_KEYS: commaSeparated
      // Read as none, a secret that was left blank would open the server to everyone.
      .refine((keys) => keys.length > 0, 'is set and holds no key')
      .default([]),
    /** Requests that may wait for a slot, per checkpoint. */
    QUEUE_LIMIT: whole(0, 100_000).default(64),
    /** Sequences that share a batch. */
    SLOTS: whole(1, 1024).default(8),
    /** Largest `n` of a chat request; each choice takes a slot, so SLOTS where that is smaller. */
    MAX_CHOICES: whole(1, 128).default(4),
    /** Positions per slot; a checkpoint's positions where that is smaller. */
    SLOT_CAPACITY: whole(8, 1_048_576).default(1024),
    MAX_PREFILL_TOKENS: whole(1, 1_048_576).default(512),
    THREADS: whole(1, 1024).default(Math.min(4, availableParallelism())),
    /** Megabytes of keys and values kept of finished requests, per checkpoint; 0: none. */
    PREFIX_CACHE_MB: whole(0, 65_536).default(64),
    /** How long a request may wait for a slot, and take in all, once it is submitted. */
    QUEUE_TIMEOUT_SECONDS: whole(1, 86_400).default(60),
    REQUEST_TIMEOUT_SECONDS: whole(1, 86_400).default(600),
    /** Width of weight matrices; int8 and int4 are made at load. */
    WEIGHTS: z.enum(['fp32', 'int8', 'int4']).default('fp32'),
    /** Where steps are computed. */
    DEVICE: z.enum(['cpu', 'webgpu', 'cuda']).default('cpu'),
    /** Whether WebGPU without a GPU behind it will do, for tests. */
    ALLOW_SOFTWARE_GPU: flag,
    /** Whether requests may ask for spoilt thoughts (latent_control), for experiments. */
    ALLOW_LATENT_CONTROL: flag,
    /** Whether there is a page to try the models on; public: without a key, though its requests need one. */
    PLAYGROUND: z.enum(['off', 'on', 'public']).default('on'),
    /** Open at a time; further ones are closed at once. 0: any number. */
    MAX_CONNECTIONS: whole(0, 1_000_000).default(4096),
    BODY_LIMIT_BYTES: whole(1024, 268_435_456).default(1_048_576),
    /** Of all request bodies that are being received or read. */
    BODY_BUDGET_BYTES: whole(1024, 1_099_511_627_776).default(268_435_456),
    HEARTBEAT_SECONDS: whole(1, 3600).default(15),
    /** A reader that takes nothing of its answer for so long loses its connection. */
    STALL_SECONDS: whole(1, 3600).default(60),
    /** Requests for an answer that one key may make in a minute; 0: any number. */
    REQUESTS_PER_MINUTE: whole(0, 1_000_000).default(0),
    /** After SIGTERM: how long requests are still taken, for a load balancer to notice /readyz. */
    LEAVE_SECONDS: whole(0, 600).default(0),
    /** After that: how long running requests may take to finish. */
    DRAIN_SECONDS: whole(0, 3600).default(25),
    LOG_LEVEL: z.enum(logLevels).default('info'),
  })
  .refine((env) => env.METRICS_PORT !== env.PORT || env.PORT === 0, {
    path: ['METRICS_PORT'],
    error: 'must differ from PORT',
  })
  .transform((env) => ({
    port: env.PORT,
    host: env.HOST,
    metricsPort: env.METRICS_PORT,
    modelDir: env.MODEL_DIR,
    model: env.MODEL,
    hub: {
      url: env.HF_ENDPOINT.replace(/\/$/, ''),
      token: env.HF_TOKEN,
      cacheDir: env.HUB_CACHE_DIR,
    },
    apiKeys: env.API_KEYS,
    queueLimit: env.QUEUE_LIMIT,
    slots: env.SLOTS,
    maxChoices: Math.min(env.MAX_CHOICES, env.SLOTS),
    slotCapacity: env.SLOT_CAPACITY,
    maxPrefillTokens: env.MAX_PREFILL_TOKENS,
    threads: env.THREADS,
    prefixCacheBytes: env.PREFIX_CACHE_MB * 1_000_000,
    queueTimeoutMs: env.QUEUE_TIMEOUT_SECONDS * 1000,
    requestTimeoutMs: env.REQUEST_TIMEOUT_SECONDS * 1000,
    weights: env.WEIGHTS,
    device: env.DEVICE,
    allowSoftwareGpu: env.ALLOW_SOFTWARE_GPU,
    allowLatentControl: env.ALLOW_LATENT_CONTROL,
    playground: env.PLAYGROUND,
    maxConnections: env.MAX_CONNECTIONS,
    bodyLimitBytes: env.BODY_LIMIT_BYTES,
    bodyBudgetBytes: Math.max(env.BODY_BUDGET_BYTES, env.BODY_LIMIT_BYTES),
    heartbeatMs: env.HEARTBEAT_SECONDS * 1000,
    stallMs: env.STALL_SECONDS * 1000,
    requestsPerMinute: env.REQUESTS_PER_MINUTE,
    leaveMs: env.LEAVE_SECONDS * 1000,
    drainMs: env.DRAIN_SECONDS * 1000,
    logLevel: env.LOG_LEVEL,
  }));

export type Config = Readonly<z.output<typeof environmentSchema>>;

/** Every environment variable that could not be used, a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Throws a ConfigError; an empty variable counts as one that is not set. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.entries(environment).filter(([, value]) => value !== '');
  const result = environmentSchema.safeParse(Object.fromEntries(given));
  if (result.success) return Object.freeze(result.data);
  const lines = result.error.issues.map((issue) => {
    const key = String(issue.path[0]);
    // A key's value may be a secret; the others help to find the mistake.
    const got = ['API_KEYS', 'HF_TOKEN'].includes(key)
      ? ''
      : `, got ${JSON.stringify(environment[key])}`;
    return `config: ${key} ${issue.message}${got}`;
  });
  throw new ConfigError(lines.join('\n'));
}
