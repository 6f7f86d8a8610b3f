// What the API's own code refuses with.
import { ApiError } from '../../src/errors.ts';

/** The ApiError that `run` throws; any other error is passed on, and none is one. */
export function refusalOf(run: () => unknown): ApiError {
  let accepted: unknown;
  try {
    accepted = run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error(`accepted, as ${JSON.stringify(accepted)}`);
}
