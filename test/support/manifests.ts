import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { Service } from 'kubernetes-models/v1/Service';
import { parse, parseAllDocuments } from 'yaml';

/** An object of a manifest. */
export type Manifest = Job | Service | ServiceMonitor;

/** Classes that check an object against the published schema of its kind. */
const MODELS = [Job, Service, ServiceMonitor] as const;

/**
 * @returns a copy that forgets of `unread` what is looked at: schemas let pass what they do not know, which is where a
 * misspelt field ends up.
 */
function watched(value: unknown, path: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, below]) => [key, watched(below, `${path}.${key}`, unread)] as const);
  for (const [key] of entries) unread.add(`${path}.${key}`);
  const copy = Array.isArray(value) ? entries.map(([, below]) => below) : Object.fromEntries(entries);
  return new Proxy(copy, {
    get: (target, key, receiver): unknown => {
      unread.delete(`${path}.${String(key)}`);
      return Reflect.get(target, key, receiver);
    },
  });
}

/** @returns an object that its kind's schema allows. @throws naming what it does not allow or does not know. */
export function checked(value: unknown): Manifest {
  for (const model of MODELS) {
    if (!model.is(value)) continue;
    const manifest = new model(value as never);
    const unread = new Set<string>();
    const probe = Object.assign(new model(value as never), watched(manifest.toJSON(), '', unread));
    probe.validate();
    if (unread.size > 0) throw new Error(`${manifest.kind} has no ${[...unread].join(', ')}`);
    return manifest;
  }
  throw new Error(`no schema for ${JSON.stringify(value).slice(0, 80)}`);
}

/** @returns the objects of a text of YAML documents, as they are. */
export function documentsOf(text: string): unknown[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS() as unknown;
  });
}

/** @returns the objects that a kustomization lists, those of the folders it builds on included. */
export function listedIn(folder: string): unknown[] {
  const { resources } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as { resources: string[] };
  return resources.flatMap((resource) =>
    resource.endsWith('.yaml')
      ? documentsOf(readFileSync(join(folder, resource), 'utf8'))
      : listedIn(join(folder, resource)),
  );
}
