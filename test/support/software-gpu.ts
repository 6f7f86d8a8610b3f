// SwiftShader, Vulkan on the CPU, which Debian's package chromium carries: a WebGPU adapter for tests on
// machines without a GPU.
import { existsSync } from 'node:fs';

const chromium = '/usr/lib/chromium';
const driver = `${chromium}/vk_swiftshader_icd.json`;

/** What a process has to be started with to find it; drivers that the caller chose come first. */
export function softwareGpuEnvironment(): Record<string, string> {
  if (process.env['VK_DRIVER_FILES'] || !existsSync(driver)) return {};
  return { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: chromium };
}
