// npm run bench:profile -- --layers 12 --width 768 --heads 12 --vocab 50260 --rows 8 --groups 8 --context 0 --question 64 --tail 48
// Where the time of a gradient goes, by operator, as ONNX Runtime's own profile has it: sizes as of bench/train-step.ts.
import { loadavg } from 'node:os';
import { encodeGraph } from '../src/onnx/encode.ts';
import { type NodeRun, profiledNodes } from '../src/onnx/profile.ts';
import { createSession, tensor } from '../src/onnx/session.ts';
import { gradientGraph } from '../src/training/training-graph.ts';
import { gemmOperations, gemmPeak } from './gemm.ts';
import { formulaBatch, formulaWeights, modelConfig, readScenario } from './train-scenario.ts';

/** Microseconds and calls by operator, in all runs but the first. */
function byOperator(
  nodes: readonly NodeRun[],
  runs: number,
): Map<string, { micros: number; calls: number }> {
  const totals = new Map<string, { micros: number; calls: number }>();
  // The first run finds its memory; the others are like those of training.
  for (const { operator, micros } of nodes.slice(nodes.length / runs)) {
    const known = totals.get(operator) ?? { micros: 0, calls: 0 };
    totals.set(operator, { micros: known.micros + micros, calls: known.calls + 1 });
  }
  return totals;
}

const isProduct = (operator: string): boolean => /MatMul|Gemm/.test(operator);

async function main(): Promise<void> {
  const scenario = readScenario();
  const config = modelConfig(scenario);
  const batch = formulaBatch(scenario, scenario.context > 0 ? 'shared' : 'repeated');
  const graph = gradientGraph(config, batch.shape);
  const peak = await gemmPeak(1, 'processor');
  const runs = scenario.steps + 1;
  let [user, system] = [0, 0];
  const nodes = await profiledNodes(async (profilePrefix) => {
    const session = await createSession(graph, encodeGraph(graph), {
      threads: scenario.threads,
      arena: false,
      profilePrefix,
    });
    const parameters = [...formulaWeights(config)].map(([name, data]) => {
      const { shape } = graph.inputs.find((input) => input.name === name)!;
      return [name, tensor('float32', data, shape as number[])] as const;
    });
    const feeds = { ...Object.fromEntries(parameters), ...batch.feeds };
    for (let run = 0; run < runs; run++) {
      const before = process.cpuUsage();
      await session.run(feeds);
      const spent = process.cpuUsage(before);
      if (run > 0) [user, system] = [user + spent.user, system + spent.system];
    }
    session.endProfiling();
    await session.release();
  });
  printShares(byOperator(nodes, runs), scenario.steps);
  const each = (micros: number): number => micros / 1e6 / scenario.steps;
  const atPeak = gemmOperations(graph) / peak;
  console.log(
    `processor: ${each(user).toFixed(2)} s user, ${each(system).toFixed(2)} s system a run; its products at their peak ` +
      `(${(peak / 1e9).toFixed(1)} GFLOP/s of one core): ${atPeak.toFixed(2)} s, ${(atPeak / each(user + system)).toFixed(2)} of that`,
  );
}

function printShares(
  totals: ReadonlyMap<string, { micros: number; calls: number }>,
  runs: number,
): void {
  const sum = [...totals.values()].reduce((total, { micros }) => total + micros, 0);
  const rows = [...totals].sort(([, a], [, b]) => b.micros - a.micros);
  console.table(
    rows.slice(0, 16).map(([operator, { micros, calls }]) => ({
      operator,
      'ms a run': (micros / 1e3 / runs).toFixed(1),
      share: (micros / sum).toFixed(3),
      calls: calls / runs,
    })),
  );
  const products = rows.filter(([operator]) => isProduct(operator));
  const inProducts = products.reduce((total, [, { micros }]) => total + micros, 0);
  const load = loadavg().map((x) => x.toFixed(1));
  console.log(
    `${(sum / 1e6 / runs).toFixed(2)} s a run on the wall, load average ${load.join(' ')}; ${(inProducts / sum).toFixed(2)} of it in matrix products`,
  );
}

await main();
