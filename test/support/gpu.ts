// Whether tests that need WebGPU can run here; where they cannot, the reason is printed.
import { deviceZeros } from '../../src/onnx/device-memory.ts';

/** null: this process can compute on WebGPU. */
export async function whyNoGpu(): Promise<string | null> {
  try {
    const { release } = await deviceZeros([1, 1], 1);
    await release();
    return null;
  } catch (error) {
    const reason = `no WebGPU here: ${(error as Error).message}`;
    console.warn(`skipped, ${reason}`);
    return reason;
  }
}
