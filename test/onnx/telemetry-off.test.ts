// The runtime's uploader is switched off before the runtime is loaded, and before a worker can load it.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it.each([
  ['src/onnx/session.ts', './telemetry-off.ts', "from 'onnxruntime-node'"],
  ['src/start-worker.ts', './onnx/telemetry-off.ts', 'new Worker('],
])('%s imports the switch first', (path, module, runtime) => {
  const text = readFileSync(path, 'utf8');
  const at = text.indexOf(`import '${module}';`);
  expect(at).toBeGreaterThan(0);
  expect(text.indexOf(runtime)).toBeGreaterThan(at);
});

it('sets the environment of the process', async () => {
  await import('../../src/onnx/telemetry-off.ts');
  expect(process.env['ORT_DISABLE_TELEMETRY']).toBe('1');
});
