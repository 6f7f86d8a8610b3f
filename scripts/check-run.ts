// Fails unless a finished run's last validation accuracy, as the engine measured it, reaches a floor.
//   npm run train -- runs/tiny.json && npx tsx scripts/check-run.ts out/tiny 0.75
import { RunDirectory } from '../src/training/run-directory.ts';

const [path, floor] = [process.argv[2], Number(process.argv[3])];
if (path === undefined || !(floor > 0 && floor <= 1))
  throw new Error('usage: check-run.ts <run directory> <floor in (0, 1]>');

const scores = new RunDirectory(path).readMetrics().filter(({ kind }) => kind === 'validation');
const last = scores.at(-1);
if (last === undefined) throw new Error(`${path} has no validation line in its metrics`);
const text = `${path}: accuracy ${last['accuracy']} after ${last.trainStep} steps`;
if (Number(last['accuracy']) < floor) throw new Error(`${text}, below ${floor}`);
console.log(`${text}, at least ${floor}`);
