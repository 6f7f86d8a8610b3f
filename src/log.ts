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
    hooks: { streamWrite: escapeControls },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** JSON lets them stand; a terminal may obey them, and a reader of lines see a line's end. */
function escapeControls(line: string): string {
  return line.replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Bugs with their cause, everything else as what it is: a request that could not be answered. */
export function logFailure(log: Log, error: ApiError): void {
  const { code, status, param } = error;
  if (code === 'server_error') log.error({ code, status, err: error.cause }, 'request failed');
  else log.info({ code, status, param }, 'request refused');
}
