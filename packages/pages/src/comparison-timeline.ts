import type { AnalysedSet } from '@epemu/analysis';
import type { TimelineData } from './page-data.js';
import { MOST_SLICES, drawingOf } from './timeline-data.js';

/** Ranks of each side that the timeline shows. */
const MOST_RANKS = 8;

/** @returns the first ranks of a side by themselves; the critical path, which leads through all, is left out. */
function sideTimeline({ ranks, collectives }: AnalysedSet, prefix: string): TimelineData {
  const shown = ranks.slice(0, MOST_RANKS);
  return drawingOf(shown, prefix, MOST_SLICES / 2).timeline({ collectives, path: [] }, []);
}

/** @returns when the first kernel or transfer starts, ns. */
function firstNs({ kernels, phases }: TimelineData): number {
  const first = [...kernels.startNs, ...phases.startNs].reduce((least, ns) => Math.min(least, ns), Infinity);
  return Number.isFinite(first) ? first : 0;
}

/** Moves a side to begin at 0, and its tracks and names behind those of the other. */
function placed(side: TimelineData, tracksBefore: number, nameOf: (name: number) => number): TimelineData {
  const zeroNs = firstNs(side);
  const track = (tracks: readonly number[]): number[] => tracks.map((index) => index + tracksBefore);
  const time = (times: readonly number[]): number[] => times.map((ns) => ns - zeroNs);
  const name = (names: readonly number[]): number[] => names.map((index) => (index < 0 ? index : nameOf(index)));
  const { kernels, phases, flows, exposed } = side;
  return {
    ...side,
    endNs: side.endNs - zeroNs,
    kernels: {
      ...{ track: track(kernels.track), startNs: time(kernels.startNs), durationNs: kernels.durationNs },
      ...{ name: name(kernels.name), class: kernels.class, phase: name(kernels.phase) },
    },
    phases: {
      ...{ track: track(phases.track), startNs: time(phases.startNs), durationNs: phases.durationNs },
      name: name(phases.name),
    },
    flows: {
      ...{ fromTrack: track(flows.fromTrack), fromNs: time(flows.fromNs) },
      ...{ toTrack: track(flows.toTrack), toNs: time(flows.toNs) },
    },
    exposed: {
      ...{ track: track(exposed.track), startNs: time(exposed.startNs), endNs: time(exposed.endNs) },
      phase: name(exposed.phase),
    },
  };
}

/** @returns columns of one after those of the other, column by column. */
function joined<Key extends string>(
  a: Readonly<Record<Key, readonly number[]>>,
  b: Readonly<Record<Key, readonly number[]>>,
): Record<Key, readonly number[]> {
  const columns: Record<Key, readonly number[]> = { ...a };
  for (const key of Object.keys(a) as Key[]) columns[key] = [...a[key], ...b[key]];
  return columns;
}

/** @returns the timelines of A's first ranks and B's first ranks below each other, both from 0. */
export function comparisonTimeline(a: AnalysedSet, b: AnalysedSet): TimelineData {
  const [sideA, sideB] = [a, b].map((side, index) => sideTimeline(side, index === 0 ? 'A ' : 'B '));
  const names = [...sideA.names];
  const known = new Map(names.map((name, index) => [name, index]));
  const indices = sideB.names.map((name) => {
    const index = known.get(name) ?? names.push(name) - 1;
    known.set(name, index);
    return index;
  });
  const [placedA, placedB] = [
    placed(sideA, 0, (name) => name),
    placed(sideB, sideA.tracks.length, (name) => indices[name]),
  ];
  const leftOut = [a, b].some(({ set }) => set.ranks.length > MOST_RANKS);
  const notes = [
    'Both begin at 0.',
    ...(leftOut ? [`The first ${MOST_RANKS} ranks of each are shown.`] : []),
    ...[placedA, placedB].map(({ note }, index) => (note === '' ? '' : `${index === 0 ? 'A' : 'B'}: ${note}`)),
  ];
  return {
    endNs: Math.max(placedA.endNs, placedB.endNs),
    tracks: [...sideA.tracks, ...sideB.tracks],
    names,
    kernels: joined(placedA.kernels, placedB.kernels),
    phases: joined(placedA.phases, placedB.phases),
    flows: joined(placedA.flows, placedB.flows),
    path: { track: [], startNs: [], endNs: [] },
    exposed: joined(placedA.exposed, placedB.exposed),
    note: notes.filter((note) => note !== '').join(' '),
  };
}
