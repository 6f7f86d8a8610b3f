// What the schemas of Kubernetes and Knative say about a manifest: validators find wrong types and
// missing fields, TypeScript finds fields that do not exist.
import { Service } from '@kubernetes-models/knative/serving.knative.dev/v1/Service';
import { PodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import ts from 'typescript';
import type { Manifest } from './kubectl.ts';

type Validated = { validate: () => void };

const knativeModule = '@kubernetes-models/knative/serving.knative.dev/v1/Service';
const schemas: Record<string, { type: string; module: string; make: (data: never) => Validated }> =
  {
    'serving.knative.dev/v1 Service': {
      type: 'IService',
      module: knativeModule,
      make: (data) => new Service(data),
    },
    'monitoring.coreos.com/v1 PodMonitor': {
      type: 'IPodMonitor',
      module: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor',
      make: (data) => new PodMonitor(data),
    },
    'batch/v1 Job': {
      type: 'IJob',
      module: 'kubernetes-models/batch/v1/Job',
      make: (data) => new Job(data),
    },
    'v1 PersistentVolumeClaim': {
      type: 'IPersistentVolumeClaim',
      module: 'kubernetes-models/v1/PersistentVolumeClaim',
      make: (data) => new PersistentVolumeClaim(data),
    },
  };

function schemaOf({ apiVersion, kind }: Manifest) {
  const schema = schemas[`${apiVersion} ${kind}`];
  if (!schema) throw new Error(`no schema for ${apiVersion} ${kind}`);
  return schema;
}

/** Throws on the first wrong type or missing field. */
export function validateManifest(manifest: Manifest): void {
  schemaOf(manifest)
    .make(manifest as never)
    .validate();
}

/** What TypeScript says of the manifests written as literals; slow, so all in one program. */
export function typeErrors(manifests: readonly Manifest[]): string[] {
  const source = manifests
    .map((manifest, index) => {
      const { type, module } = schemaOf(manifest);
      const declared = `import type { ${type} as Type${index} } from '${module}';`;
      return `${declared}\nexport const manifest${index}: Type${index} = ${JSON.stringify(manifest)};`;
    })
    .join('\n');
  const fileName = `${process.cwd()}/manifests.ts`;
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    types: [],
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.getSourceFile = (name, version) =>
    name === fileName
      ? ts.createSourceFile(name, source, version)
      : getSourceFile.call(host, name, version);
  host.fileExists = (name) => name === fileName || fileExists.call(host, name);
  const program = ts.createProgram([fileName], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}
