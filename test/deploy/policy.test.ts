// What a schema cannot say: the manifests agree with the server, the image and each other.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Instruction, readCopy, readDockerfile, readEnv } from '../../scripts/dockerfile.ts';
import { readConfig } from '../../src/config.ts';
import { readTrainingConfig } from '../../src/training/training-config.ts';
import { FakeEngine, fakeApp, fakeModel } from '../support/fake-engine.ts';
import { renderKustomization } from '../support/kubectl.ts';
import { asWorkload, literalEnvironment, onlyContainer } from '../support/pod.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

type PodMonitor = {
  spec: {
    selector: { matchLabels: Record<string, string> };
    jobLabel: string;
    podMetricsEndpoints: { port: string; relabelings: object[] }[];
  };
};

const render = (names: string[]) =>
  names.flatMap((name) =>
    renderKustomization(`deploy/${name}`)
      .filter(({ kind }) => !['PersistentVolumeClaim', 'PodMonitor'].includes(kind))
      .map((manifest) => ({ name, manifest, container: onlyContainer(manifest) })),
  );
const servers = render([
  'serving/base',
  'serving/overlays/warm',
  'serving/overlays/volume',
  'serving/overlays/gpu',
  'serving/overlays/metrics',
]);
const trainings = render(['training/base', 'training/overlays/prosqa', 'training/overlays/gpu']);
const onGpu = [...servers, ...trainings].filter(({ name }) => name.endsWith('/gpu'));

const lastStage = (path: string): Instruction[] =>
  readDockerfile(readFileSync(path, 'utf8')).at(-1)?.instructions ?? [];
const environmentOf = (stage: readonly Instruction[]): Record<string, string> =>
  Object.assign({}, ...stage.filter(({ keyword }) => keyword === 'ENV').map(readEnv));
const image = lastStage('deploy/Dockerfile');
const imageText = (keyword: string) => image.find((line) => line.keyword === keyword)?.text;
const imageEnvironment = environmentOf(image);
const imagePaths = image
  .filter(({ keyword }) => keyword === 'COPY')
  .flatMap((line) => {
    const { from, sources } = readCopy(line);
    return from === null ? sources : [];
  });
const user = Number(imageText('USER')?.split(':')[0]);

describe.each([...servers, ...trainings])('$name: $container.name', ({ manifest, container }) => {
  const pod = asWorkload(manifest).spec.template.spec;
  const security = { ...pod.securityContext, ...container.securityContext };

  it('asks for cpu and memory and is held to a limit', () => {
    const { requests, limits } = container.resources ?? {};
    expect(Object.keys(requests ?? {})).toEqual(['cpu', 'memory']);
    expect(Object.keys(limits ?? {})).toEqual(expect.arrayContaining(['cpu', 'memory']));
  });

  it('can do nothing but run as the image does', () => {
    expect(security).toMatchObject({
      runAsNonRoot: true,
      runAsUser: user,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
  });

  it('names one version of the image', () => {
    expect(container.image).toMatch(/(:\d+\.\d+\.\d+|@sha256:[0-9a-f]{64})$/);
  });
});

describe.each(onGpu)('$name', ({ manifest, container }) => {
  const { nodeSelector, tolerations, containers } = asWorkload(manifest).spec.template.spec;
  const gpuImage = environmentOf(lastStage('deploy/Dockerfile.gpu'));

  it('has one GPU, on a node that has them and keeps others off', () => {
    const gpus = containers.map(({ resources }) => resources?.limits?.['nvidia.com/gpu']);
    expect(gpus).toEqual(['1']);
    expect(nodeSelector).toEqual({ 'nvidia.com/gpu.present': 'true' });
    expect(tolerations).toEqual([
      { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
    ]);
  });

  it('computes on it, by the image whose driver comes with Vulkan', () => {
    expect(literalEnvironment(container)['DEVICE']).toBe('webgpu');
    expect(gpuImage['DEVICE']).toBe('webgpu');
    expect(container.image).toMatch(/^coconut-serve-gpu:/);
    expect(gpuImage['NVIDIA_DRIVER_CAPABILITIES']?.split(',')).toContain('graphics');
  });
});

describe('off a GPU', () => {
  it('nothing asks for one', () => {
    const others = [...servers, ...trainings].filter((each) => !onGpu.includes(each));
    expect(onGpu).toHaveLength(2);
    for (const { container } of others) {
      expect(Object.keys(container.resources?.limits ?? {})).toEqual(['cpu', 'memory']);
      expect(literalEnvironment(container)['DEVICE'] ?? 'cpu').toBe('cpu');
    }
  });
});

describe.each(servers)('$name', ({ manifest, container }) => {
  const { template } = asWorkload(manifest).spec;
  const environment = literalEnvironment(container);
  const config = readConfig(environment);

  it('probes paths that the server answers', async () => {
    const { app } = fakeApp([fakeModel(new FakeEngine())]);
    for (const probe of [container.readinessProbe, container.livenessProbe]) {
      const path = probe?.httpGet?.path ?? 'no path';
      expect([path, (await app.request(path)).status]).toEqual([path, 200]);
    }
  });

  it('listens where the image does', () => {
    expect(container.ports).toEqual([
      { name: 'http1', containerPort: Number(imageEnvironment['PORT']) },
    ]);
  });

  it('lets through as many requests as the server takes, and scales at full slots', () => {
    expect(template.spec.containerConcurrency).toBe(config.slots + config.queueLimit);
    const target = template.metadata.annotations?.['autoscaling.knative.dev/target'];
    expect(Number(target)).toBe(config.slots);
  });

  it('is given longer to stop than it takes', () => {
    const cutoffSeconds = 1;
    const stopSeconds = (config.leaveMs + config.drainMs) / 1000 + cutoffSeconds;
    expect(template.spec.timeoutSeconds).toBeGreaterThan(stopSeconds);
  });

  it('sets variables that the server reads', () => {
    const known = readFileSync('src/config.ts', 'utf8');
    const names = container.env?.map(({ name }) => name) ?? [];
    expect(names.filter((name) => !known.includes(`    ${name}: `))).toEqual([]);
  });
});

describe('the metrics overlay', () => {
  const { manifest, container } = servers.find(({ name }) => name.endsWith('/metrics'))!;
  const { port, metricsPort } = readConfig(literalEnvironment(container));
  const rendered = renderKustomization('deploy/serving/overlays/metrics');
  const { spec } = rendered.find(({ kind }) => kind === 'PodMonitor') as unknown as PodMonitor;

  it('has a port that nothing else in the pod has', () => {
    // Of knative/serving's pkg/networking/constants.go.
    const queueProxyPorts = [8012, 8013, 8022, 8112, 9090, 9091];
    expect([port, ...queueProxyPorts]).not.toContain(metricsPort);
    expect(metricsPort).toBeGreaterThan(1023);
  });

  it('is scraped there, under the job that the alerts are of', () => {
    const { labels } = asWorkload(manifest).spec.template.metadata;
    expect(labels).toMatchObject(spec.selector.matchLabels);
    expect(labels?.[spec.jobLabel]).toBe('coconut-serve');
    const [endpoint] = spec.podMetricsEndpoints;
    expect(endpoint?.relabelings).toEqual([
      {
        sourceLabels: ['__meta_kubernetes_pod_ip'],
        targetLabel: '__address__',
        replacement: `$1:${metricsPort}`,
      },
    ]);
  });
});

describe.each(trainings)('$name', ({ manifest, container }) => {
  const { completions } = asWorkload(manifest).spec;
  const { RUNS = '', DEVICE = 'none' } = literalEnvironment(container);
  const runs = RUNS.split(' ');
  const [script] = container.args ?? [];
  /** What the container's shell starts, with a node that only says how it was called. */
  const command = (index: number) => {
    const bin = temporaryDirectory();
    writeFileSync(join(bin, 'node'), '#!/bin/sh\necho node "$@"\n', { mode: 0o755 });
    const env = { PATH: bin, RUNS, DEVICE, JOB_COMPLETION_INDEX: String(index) };
    return spawnSync('/bin/sh', ['-c', script ?? ''], { env, encoding: 'utf8' }).stdout;
  };

  it('has an index for each run, which trains that run onto the claim', () => {
    expect(completions).toBe(runs.length);
    const onto = container.volumeMounts?.find(({ name }) => name === 'runs')?.mountPath;
    for (const [index, run] of runs.entries()) {
      const expected = `node dist/training/main.js train runs/${run}.json --out ${onto} --device ${DEVICE}\n`;
      expect(command(index)).toBe(expected);
    }
  });

  it('finds its run files and what they validate on in the image', () => {
    for (const run of runs) {
      const { data } = readTrainingConfig(`runs/${run}.json`);
      expect(existsSync(data.validation)).toBe(true);
      expect(imagePaths.filter((path) => data.validation.startsWith(`${path}/`))).toHaveLength(1);
    }
    expect(imagePaths).toContain('runs');
  });
});

it('compose has Prometheus scrape a port that it does not publish', () => {
  const { services } = parse(readFileSync('deploy/compose.yaml', 'utf8'));
  const { environment, ports } = services['coconut-serve'];
  const { metricsPort } = readConfig(environment);
  const [job] = parse(readFileSync('deploy/observability/prometheus.yml', 'utf8')).scrape_configs;
  expect(job.static_configs[0].targets).toEqual([`coconut-serve:${metricsPort}`]);
  expect(ports.join()).not.toContain(String(metricsPort));
});

it('compose gives the server longer to stop than it takes', () => {
  const { services } = parse(readFileSync('deploy/compose.yaml', 'utf8'));
  const { environment, stop_grace_period, ports } = services['coconut-serve'];
  const { drainMs, leaveMs } = readConfig(environment);
  expect(Number(stop_grace_period.replace('s', ''))).toBeGreaterThan(
    (drainMs + leaveMs) / 1000 + 1,
  );
  expect(ports).toEqual([`127.0.0.1:8080:${imageEnvironment['PORT']}`]);
});
