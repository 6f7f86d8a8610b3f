import { defineConfig } from 'vitest/config';
import { softwareGpuEnvironment } from './test/support/software-gpu.ts';

// unit: no ONNX Runtime. graph: small graphs run in it. server: real worker, real sockets.
const project = (name: string, include: string, testTimeout: number) => ({
  test: {
    name,
    include: [include],
    exclude: name === 'unit' ? ['test/**/*.{graph,server}.test.ts'] : [],
    testTimeout,
    pool: 'forks' as const,
    env: softwareGpuEnvironment(),
  },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', 'test/**/*.test.ts', 20_000),
      project('graph', 'test/**/*.graph.test.ts', 120_000),
      project('server', 'test/**/*.server.test.ts', 120_000),
    ],
  },
});
