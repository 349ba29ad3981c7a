import { Containment } from '@epemu/analysis';
import type { Annotation, Launch, TraceContent, TracedKernel } from './traced-kernel.js';

/** One run of a phase: its kernels, as indices into the trace's, in launch order. */
export interface PhaseInstance {
  /** As the trace names it: `mlp(B)`, `ATTN(1)`. */
  readonly phase: string;
  readonly kernels: number[];
}

/** A kernel that may lie in an annotation: when it was launched or, on the GPU, when it started. */
interface Moment extends Launch {
  readonly index: number;
}

function byTime(moments: Moment[]): Moment[] {
  return moments.sort((a, b) => a.atUs - b.atUs || a.index - b.index);
}

/** Collects kernels into instances, keyed by what began them. */
class Instances {
  readonly made = new Map<string, PhaseInstance>();
  readonly placed = new Set<number>();

  add(key: string, phase: string, index: number): void {
    let instance = this.made.get(key);
    if (instance === undefined) {
      instance = { phase, kernels: [] };
      this.made.set(key, instance);
    }
    instance.kernels.push(index);
    this.placed.add(index);
  }

  /** Adds what lies in annotations of the host, or of one stream of the GPU. */
  addContained(moments: Moment[], annotations: readonly Annotation[], ids: Map<Annotation, string>): void {
    if (annotations.length === 0) return;
    const containment = new Containment(annotations);
    for (const { index, atUs, tid } of byTime(moments)) {
      const annotation = containment.at(atUs, tid);
      if (annotation !== undefined) this.add(ids.get(annotation)!, annotation.name, index);
    }
  }
}

/** Shadows of one range on several streams are one instance. */
function annotationIds(annotations: readonly Annotation[]): Map<Annotation, string> {
  return new Map(
    annotations.map((annotation, index) => {
      const { onGpu, pid, externalId } = annotation;
      return [annotation, onGpu && externalId !== undefined ? `gpu ${pid} ${externalId}` : `annotation ${index}`];
    }),
  );
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/**
 * Groups kernels into runs of phases: by what the kernel itself says of its phase, else by the host's annotation around
 * its launch, on whatever thread, else by the annotation on its stream. Only annotations that a kernel list may be for
 * count: `isPhase` says which.
 */
export function phaseInstances(trace: TraceContent, isPhase: (name: string) => boolean): PhaseInstance[] {
  const { kernels, launches } = trace;
  const instances = new Instances();
  const launched: Moment[] = [];
  const started: (Moment & { readonly pid: number | string })[] = [];
  kernels.forEach((kernel: TracedKernel, index) => {
    if (kernel.phase !== undefined && kernel.operation !== undefined) {
      if (isPhase(kernel.phase)) instances.add(`operation ${kernel.pid} ${kernel.operation}`, kernel.phase, index);
      return;
    }
    const launch = kernel.correlation === undefined ? undefined : launches.get(kernel.correlation);
    if (launch !== undefined) launched.push({ ...launch, index });
    started.push({ atUs: kernel.startUs, tid: kernel.stream, pid: kernel.pid, index });
  });
  const annotations = trace.annotations.filter(({ name }) => isPhase(name));
  const ids = annotationIds(annotations);
  const [onGpu, onHost] = [annotations.filter((a) => a.onGpu), annotations.filter((a) => !a.onGpu)];
  instances.addContained(launched, onHost, ids);
  const rows = groupBy(onGpu, ({ pid, tid }) => `${pid} ${tid}`);
  const rest = started.filter(({ index }) => !instances.placed.has(index));
  for (const [row, moments] of groupBy(rest, ({ pid, tid }) => `${pid} ${tid}`)) {
    instances.addContained(moments, rows.get(row) ?? [], ids);
  }
  for (const { kernels: indices } of instances.made.values()) sortByLaunch(indices, trace);
  return [...instances.made.values()];
}

function sortByLaunch(indices: number[], { kernels, launches }: TraceContent): void {
  const at = (index: number): number => {
    const { correlation, startUs } = kernels[index];
    return (correlation === undefined ? undefined : launches.get(correlation)?.atUs) ?? startUs;
  };
  const order = (index: number): number => kernels[index].correlation ?? index;
  indices.sort((a, b) => at(a) - at(b) || order(a) - order(b) || a - b);
}
