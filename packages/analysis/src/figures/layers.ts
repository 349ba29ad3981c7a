import type { PhaseInstance, RankView, TimeWindow } from '@epemu/timeline';
import type { RunFacts } from '../model.js';

/** Fewer layers have no steady state: the first and the last fill and drain. */
const LEAST_LAYERS_FOR_STEADY = 4;

/** @returns the phase whose starts bound a layer: what the trace says, else the first compute phase that repeats most. */
export function layerMarker({ content }: RankView, facts: RunFacts): string | undefined {
  if (facts.layerMarker !== undefined) return facts.layerMarker;
  const counts = new Map<string, number>();
  for (const { phase, stream } of content.instances) {
    if (content.streams[stream].role === 'computation') counts.set(phase, (counts.get(phase) ?? 0) + 1);
  }
  let marker: string | undefined;
  let most = 1;
  // In the order of first starts, so that the first of those that repeat alike is taken.
  for (const [phase, count] of counts) if (count > most) [marker, most] = [phase, count];
  return marker;
}

/** @returns the phases that begin a rank's layers, ascending by start. */
export function layerStarts({ content }: RankView, marker: string | undefined): PhaseInstance[] {
  return marker === undefined ? [] : content.instances.filter(({ phase }) => phase === marker);
}

/** @returns what lies between a rank's first layer and its last; undefined of fewer than four. */
export function steadyWindow(starts: readonly number[]): TimeWindow | undefined {
  if (starts.length < LEAST_LAYERS_FOR_STEADY) return undefined;
  return { startNs: starts[1], endNs: starts[starts.length - 1] };
}
