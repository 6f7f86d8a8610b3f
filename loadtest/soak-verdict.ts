// What a soak must show: nothing lost, nothing left in the server, memory flat, no long work on the event loop. Pure.
import type { LoopTurn, Sample, SoakReport } from './soak-run.ts';

/** Caches and pools fill up first; memory is judged on what comes after this share of the time. */
const warmupShare = 1 / 3;

/** Growth over the judged time that still counts as flat, as a share of where it began. */
const flatShare = 0.1;

/** A trend over less is noise. */
const judgedSeconds = 60;

/**
 * Milliseconds that one turn of the event loop may compute: what a burst's connections and headers take, which Node
 * handles in the turn in which they arrive. By the clock a turn may take any time: that is the machine's affair.
 */
const mostTurnCpuMs = 200;

export type MemoryTrend = {
  mbPerMinute: number;
  grownMB: number;
  startMB: number;
  seconds: number;
};

/** Least squares over the samples after the warm-up; null for fewer than three. */
export function memoryTrend(samples: readonly Sample[]): MemoryTrend | null {
  const from = (samples.at(-1)?.seconds ?? 0) * warmupShare;
  const judged = samples.filter(({ seconds }) => seconds >= from);
  if (judged.length < 3) return null;
  const mean = (of: (sample: Sample) => number) =>
    judged.reduce((sum, sample) => sum + of(sample), 0) / judged.length;
  const [x, y] = [mean((s) => s.seconds), mean((s) => s.residentMB)];
  const slope =
    mean((s) => (s.seconds - x) * (s.residentMB - y)) / mean((s) => (s.seconds - x) ** 2);
  const [first, last] = [judged[0]!, judged.at(-1)!];
  const seconds = last.seconds - first.seconds;
  const startMB = y + slope * (first.seconds - x);
  return { mbPerMinute: slope * 60, grownMB: slope * seconds, startMB, seconds };
}

/** Every way in which the soak failed, a line each. */
export function complaints({ answered, lost, leftOver, samples }: SoakReport): string[] {
  const found = Object.entries(lost).map(([error, count]) => `${count} requests lost: ${error}`);
  if (answered === 0) found.push('no request was answered');
  if (leftOver > 0) found.push(`${leftOver} requests are left in the server`);
  const trend = memoryTrend(samples);
  if (trend && trend.seconds >= judgedSeconds && trend.grownMB > flatShare * trend.startMB) {
    const { grownMB, startMB, seconds } = trend;
    found.push(
      `memory grew by ${grownMB.toFixed(0)} of ${startMB.toFixed(0)} MB in ${seconds.toFixed(0)} s`,
    );
  }
  const busiest = greatest(samples, ({ busiestTurn }) => busiestTurn, 'cpu');
  if (busiest && busiest.cpu > mostTurnCpuMs) {
    const { cpu } = busiest;
    found.push(`the event loop computed for ${cpu.toFixed(0)} ms on end, of ${mostTurnCpuMs}`);
  }
  return found;
}

/** Of the turns that were measured; null where none was. */
function greatest(
  samples: readonly Sample[],
  turnOf: (sample: Sample) => LoopTurn,
  part: keyof LoopTurn,
): LoopTurn | null {
  const turns = samples.map(turnOf).filter((turn) => !Number.isNaN(turn[part]));
  return turns.sort((a, b) => b[part] - a[part])[0] ?? null;
}

function turnText(turn: LoopTurn | null): string {
  if (!turn) return 'not measured here';
  return [turn.wall, turn.cpu, turn.runqueue, turn.gc].map((ms) => ms.toFixed(0)).join(', ');
}

export function soakText(report: SoakReport): string {
  const { seconds, answered, cancelled, lost, answerMs, leftOver, samples } = report;
  const trend = memoryTrend(samples);
  const lags = samples.map(({ loopLagMs }) => loopLagMs).sort((a, b) => a - b);
  const rows: [string, string][] = [
    ['seconds', seconds.toFixed(0)],
    ['answered', String(answered)],
    ['hung up on', String(cancelled)],
    ['lost', Object.keys(lost).length === 0 ? '0' : JSON.stringify(lost)],
    ['left in the server', String(leftOver)],
    [
      'answer ms, p50 and p99',
      answerMs ? `${answerMs.p50.toFixed(0)}, ${answerMs.p99.toFixed(0)}` : '–',
    ],
    [
      'resident MB after warm-up, slope per minute',
      trend ? `${trend.startMB.toFixed(0)}, ${trend.mbPerMinute.toFixed(1)}` : '–',
    ],
    [
      'event loop lag ms, median and most of a second’s worst',
      `${(lags[lags.length >> 1] ?? 0).toFixed(0)}, ${(lags.at(-1) ?? 0).toFixed(0)}`,
    ],
    [
      'longest turn of the loop ms: by the clock, of it computing, waiting for a core, garbage collection',
      turnText(greatest(samples, ({ longestTurn }) => longestTurn, 'wall')),
    ],
    [
      'the turn that computed longest, the same',
      turnText(greatest(samples, ({ busiestTurn }) => busiestTurn, 'cpu')),
    ],
  ];
  return rows.map(([name, value]) => `| ${name} | ${value} |`).join('\n');
}
