import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cudaRemedy } from '../../src/onnx/cuda-libraries.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const [shared, cuda] = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

it('names the provider’s files that are missing, then what they need themselves', () => {
  const folder = temporaryDirectory();
  expect(cudaRemedy(folder)).toMatch(`${shared} and ${cuda} are not in ${folder}; on Linux x64`);
  writeFileSync(join(folder, shared), '');
  expect(cudaRemedy(folder)).toMatch(`${cuda} is not in ${folder}`);
  expect(cudaRemedy(folder)).toContain('npm rebuild onnxruntime-node --ignore-scripts=false');
  writeFileSync(join(folder, cuda), '');
  expect(cudaRemedy(folder)).toMatch(/needs CUDA 12 and cuDNN 9/);
});

it.runIf(process.platform === 'linux')('looks where the runtime lies', () => {
  expect(cudaRemedy()).toMatch(/onnxruntime-node.bin.napi-v\d+.linux|needs CUDA 12/);
});
