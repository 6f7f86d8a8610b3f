// What every route is given: the served models, the limits, and where to report.
import type { ServerResponse } from 'node:http';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { ServedModel } from './served-model.ts';

/** serving; leaving: not ready but still taking requests; draining: refusing new ones. */
export type Phase = 'serving' | 'leaving' | 'draining';

export type AppDeps = {
  /** The first one is the default: /readyz waits for it. */
  models: readonly ServedModel[];
  config: Pick<
    Config,
    | 'host'
    | 'allowLatentControl'
    | 'apiKeys'
    | 'bodyBudgetBytes'
    | 'bodyLimitBytes'
    | 'heartbeatMs'
    | 'maxChoices'
    | 'playground'
    | 'queueLimit'
    | 'queueTimeoutMs'
    | 'requestTimeoutMs'
    | 'slots'
    | 'stallMs'
    | 'requestsPerMinute'
  >;
  metrics: Metrics;
  log: Log;
  phase: () => Phase;
  /** Aborted when running answers must end now, because the process is about to exit. */
  cutoff: AbortSignal;
};

export type AppEnv = {
  /** The socket's side of the response; there is none where the app is called directly. */
  Bindings: { outgoing?: ServerResponse };
  Variables: {
    requestId: string;
    /** When its head was read, on performance.now()'s clock; the body may not be there yet. */
    arrivedMs: number;
    log: Log;
    /** Hash of the API key; one and the same for all where no key is asked for. */
    caller: string;
    /** Set where requests are limited. */
    rateLimit: { limit: number; remaining: number; resetTime: Date | undefined };
    /** Whether the answer meter counts this request, so that a failure is not counted twice. */
    metered?: boolean;
  };
};
