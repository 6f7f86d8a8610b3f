// The files that ONNX Runtime's CUDA provider consists of. The npm package comes without them, and where they
// do not load, the runtime's error does not say which of them, or what they need, is missing.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const files = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** What keeps the CUDA provider from loading, and what helps. */
export function cudaRemedy(folder = runtimeFolder()): string {
  const missing = files.filter((file) => folder === null || !existsSync(join(folder, file)));
  if (missing.length > 0) {
    return (
      `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not in ${folder ?? 'onnxruntime-node'}; on Linux x64, ` +
      '"npm rebuild onnxruntime-node --ignore-scripts=false" fetches the CUDA provider'
    );
  }
  return `${files[1]} needs CUDA 12 and cuDNN 9; the runtime has written to stderr which library it did not find`;
}

/** Where the runtime's libraries for this machine lie; null where it has none. */
function runtimeFolder(): string | null {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const versions = readdirSync(join(root, 'bin'));
  const folders = versions.map((version) =>
    join(root, 'bin', version, process.platform, process.arch),
  );
  return folders.find((folder) => existsSync(folder)) ?? null;
}
