// Starts a thread's entry, the file below src/ that its argument names, from the sources, without a build. Plain
// JavaScript because Node 20 runs no TypeScript, and `--import tsx` leaves worker threads out: the
// thread has to register tsx itself.
import { register } from 'tsx/esm/api';

register();
await import(`./${process.argv.at(-1)}`);
