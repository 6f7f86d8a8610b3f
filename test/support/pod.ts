// The parts of a rendered manifest that the policy tests look at.
import type { Manifest } from './kubectl.ts';

type Probe = { httpGet?: { path: string } };
type SecurityContext = {
  runAsNonRoot?: boolean;
  runAsUser?: number;
  readOnlyRootFilesystem?: boolean;
  allowPrivilegeEscalation?: boolean;
  capabilities?: { drop?: string[] };
  seccompProfile?: { type: string };
};
type Amounts = Readonly<Record<string, string>>;

export type Container = {
  name: string;
  image: string;
  args?: string[];
  ports?: { name: string; containerPort: number }[];
  env?: { name: string; value?: string }[];
  resources?: { requests?: Amounts; limits?: Amounts };
  readinessProbe?: Probe;
  livenessProbe?: Probe;
  volumeMounts?: { name: string; mountPath: string }[];
  securityContext?: SecurityContext;
};

export type PodSpec = {
  containers: Container[];
  nodeSelector?: Record<string, string>;
  tolerations?: { key: string; operator: string; effect: string }[];
  automountServiceAccountToken?: boolean;
  securityContext?: SecurityContext;
  containerConcurrency?: number;
  timeoutSeconds?: number;
};

type PodMetadata = {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
};

type Workload = {
  metadata: { name: string };
  spec: {
    completions?: number;
    parallelism?: number;
    template: { metadata: PodMetadata; spec: PodSpec };
  };
};

export const asWorkload = (manifest: Manifest): Workload => manifest as unknown as Workload;

/** The first container; every pod of ours has one. */
export function onlyContainer(manifest: Manifest): Container {
  const { containers } = asWorkload(manifest).spec.template.spec;
  if (containers.length !== 1 || !containers[0]) {
    throw new Error(`${manifest.metadata.name} has ${containers.length} containers`);
  }
  return containers[0];
}

/** Variables with a literal value. */
export function literalEnvironment({ env = [] }: Container): Record<string, string> {
  const literals = env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]));
  return Object.fromEntries(literals);
}
