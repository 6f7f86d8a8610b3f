// What every object of one answer shares, in chat completions and completions.
import { randomUUID } from 'node:crypto';
import type { ServedModel } from './served-model.ts';

export type ResponseHead = {
  id: string;
  created: number;
  model: string;
  system_fingerprint: string;
  service_tier: 'default';
};

export function responseHead(model: ServedModel, prefix: 'chatcmpl' | 'cmpl'): ResponseHead {
  return {
    id: `${prefix}-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: model.id,
    system_fingerprint: model.systemFingerprint,
    service_tier: 'default',
  };
}
