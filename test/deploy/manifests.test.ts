// Every kustomization: renders, fits the schemas, and names no field that does not exist.
import { describe, expect, it } from 'vitest';
import { renderKustomization } from '../support/kubectl.ts';
import { typeErrors, validateManifest } from '../support/manifest-schema.ts';

const kustomizations = {
  'serving/base': ['Service coconut-serve'],
  'serving/overlays/warm': ['Service coconut-serve'],
  'serving/overlays/volume': ['Service coconut-serve'],
  'serving/overlays/gpu': ['Service coconut-serve'],
  'serving/overlays/metrics': ['Service coconut-serve', 'PodMonitor coconut-serve'],
  'training/base': ['PersistentVolumeClaim coconut-runs', 'Job coconut-training'],
  'training/overlays/prosqa': [
    'PersistentVolumeClaim coconut-runs-prosqa',
    'Job coconut-training-prosqa',
  ],
  'training/overlays/gpu': ['PersistentVolumeClaim coconut-runs-gpu', 'Job coconut-training-gpu'],
};
const rendered = Object.entries(kustomizations).map(([name, expected]) => ({
  name,
  expected,
  manifests: renderKustomization(`deploy/${name}`),
}));
const all = rendered.flatMap(({ manifests }) => manifests);

describe.each(rendered)('deploy/$name', ({ expected, manifests }) => {
  it('renders to what it should', () => {
    expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(expected);
  });

  it('fits the schemas', () => {
    for (const manifest of manifests) validateManifest(manifest);
  });
});

it('names no field that does not exist', { timeout: 60_000 }, () => {
  const misspelt = structuredClone(all[0]) as unknown as {
    spec: { template: { spec: Record<string, unknown> } };
  };
  misspelt.spec.template.spec['containerConcurency'] = 16;
  const errors = typeErrors([...all, misspelt as never]);
  expect(errors).toEqual([expect.stringContaining(`'"containerConcurency"' does not exist`)]);
});

it('a schema that is broken is seen', () => {
  const broken = structuredClone(all[0]) as never as { spec: { template: { spec: object } } };
  Object.assign(broken.spec.template.spec, { containerConcurrency: 'sixteen' });
  expect(() => validateManifest(broken as never)).toThrow('containerConcurrency must be integer');
});
