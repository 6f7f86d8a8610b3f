// The logger: one JSON object per line on standard output. Prompt and answer text is never logged.
import { type DestinationStream, type Logger, pino } from 'pino';
import type { ApiError } from './errors.ts';

export type Log = Logger;

export function createLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** Bugs with their cause, everything else as what it is: a request that could not be answered. */
export function logFailure(log: Log, error: ApiError): void {
  const { code, status, param } = error;
  if (code === 'server_error') log.error({ code, status, err: error.cause }, 'request failed');
  else log.info({ code, status, param }, 'request refused');
}
