import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../src/config.ts';

describe('readConfig', () => {
  it('binds to loopback on 8080 without keys when nothing is set', () => {
    const config = readConfig({ UNRELATED: 'x' });
    expect(config).toMatchObject({ host: '127.0.0.1', port: 8080, apiKeys: [], drainMs: 25_000 });
    expect(config.maxConnections).toBe(4096);
    expect(config.modelDir).toMatch(/\/models$/);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('reads numbers, lists and seconds', () => {
    const config = readConfig({
      PORT: '0',
      API_KEYS: ' a, b,,',
      HEARTBEAT_SECONDS: '2',
      MODEL: '',
    });
    expect(config).toMatchObject({ port: 0, apiKeys: ['a', 'b'], heartbeatMs: 2000 });
    expect(config.model).toBeUndefined();
  });

  it('reports every bad key at once, with what it got', () => {
    const read = () =>
      readConfig({ PORT: 'http', SLOTS: '0', LOG_LEVEL: 'loud', DRAIN_SECONDS: '-1' });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(
      /PORT .*"http"\n.*SLOTS .*"0"\n.*DRAIN_SECONDS .*"-1"\n.*LOG_LEVEL .*"loud"/,
    );
  });

  it('has metrics on a second port only where it is told one, that is not the first', () => {
    expect(readConfig({}).metricsPort).toBeUndefined();
    expect(readConfig({ METRICS_PORT: '9464' }).metricsPort).toBe(9464);
    expect(readConfig({ PORT: '0', METRICS_PORT: '0' }).metricsPort).toBe(0);
    expect(() => readConfig({ METRICS_PORT: '8080' })).toThrow(
      'config: METRICS_PORT must differ from PORT, got "8080"',
    );
    expect(() => readConfig({ METRICS_PORT: '70000' })).toThrow(
      'config: METRICS_PORT must be from 0 to 65535, got "70000"',
    );
  });

  it('computes on the CPU unless told otherwise, and names the devices there are', () => {
    expect(readConfig({})).toMatchObject({ device: 'cpu', allowSoftwareGpu: false });
    const webgpu = readConfig({ DEVICE: 'webgpu', ALLOW_SOFTWARE_GPU: 'true' });
    expect(webgpu).toMatchObject({ device: 'webgpu', allowSoftwareGpu: true });
    expect(() => readConfig({ DEVICE: 'gpu' })).toThrow(/DEVICE .*"webgpu".* got "gpu"/);
  });

  it.each([' , ', '\n', ','])('does not read API_KEYS=%j as a server without keys', (API_KEYS) => {
    expect(() => readConfig({ API_KEYS })).toThrow('config: API_KEYS is set and holds no key');
  });

  it.each(['65536', '1e3', '0x50', ' 80', '8.5'])('refuses PORT=%j', (PORT) => {
    expect(() => readConfig({ PORT })).toThrow(/config: PORT/);
  });
});
