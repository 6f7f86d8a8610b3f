import { describe, expect, it } from 'vitest';
import { adapterOf, currentAdapter } from '../../src/onnx/device.ts';

const loader = '/usr/lib/x86_64-linux-gnu/libvulkan.so.1';
const swiftShader = '/usr/lib/chromium/libvk_swiftshader.so';
const lavapipe = '/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so';
const nvidia = '/usr/lib/x86_64-linux-gnu/libGLX_nvidia.so.0';

describe('adapterOf', () => {
  it.each([
    [[], [loader, swiftShader], { kind: 'software', name: 'libvk_swiftshader.so' }],
    [['/dev/null', '/tmp/x'], [loader, lavapipe], { kind: 'software', name: 'libvulkan_lvp.so' }],
    // A driver that is installed, and found nothing to drive.
    [
      ['/dev/null'],
      [loader, nvidia, lavapipe],
      { kind: 'software', name: 'libGLX_nvidia.so.0, libvulkan_lvp.so' },
    ],
    [
      ['/dev/nvidiactl', '/dev/null', '/dev/nvidia0', '/dev/nvidia0'],
      [loader, nvidia, lavapipe],
      { kind: 'hardware', name: '/dev/nvidia0, /dev/nvidiactl' },
    ],
    [['/dev/dri/renderD128'], [loader], { kind: 'hardware', name: '/dev/dri/renderD128' }],
    [[], ['/usr/lib/libc.so.6'], { kind: 'software', name: 'none' }],
  ])('takes open device files for a GPU: %j', (open, loaded, expected) => {
    expect(adapterOf(open, loaded)).toEqual(expected);
  });
});

describe('currentAdapter', () => {
  it.runIf(process.platform === 'linux')('reads this process, which has opened no GPU', () => {
    expect(currentAdapter()).toEqual({ kind: 'software', name: 'none' });
  });
});
