import type { LayerBox, LayerGate, LayerPicture } from './picture.js';
import type { PlacedBox, Scale } from './place.js';

/** A gate as it is drawn: from a box down or up into a channel between rows, along it, and on to another box. */
export interface Route {
  readonly gate: LayerGate;
  readonly source: PlacedBox;
  readonly target: PlacedBox;
  /** Where it leaves and where it arrives, px. */
  readonly leaves: number;
  readonly arrives: number;
  /** The channel below row n is n. */
  readonly channel: number;
  /** Which of the channel's tracks it runs along; null where it goes straight. */
  readonly track: number | null;
}

/** Nearer than this two ends are one straight line, px. */
const STRAIGHT = 3;
/** Distances from a box's ends at which arrows leave and arrive: apart for the two directions, lest they coincide. */
const INSETS = { down: { leave: 5, arrive: 12 }, up: { leave: 12, arrive: 5 } } as const;

/** @returns whether no phase lies between two boxes of a row: bars do not count. */
function areNeighbours(picture: LayerPicture, { from, to }: LayerGate, seen: readonly PlacedBox[]): boolean {
  if (from.row !== to.row) return false;
  const [{ endNs }, { startNs }] = [picture.rows[from.row].boxes[from.box], picture.rows[to.row].boxes[to.box]];
  const isBetween = ({ box, row }: PlacedBox): boolean =>
    row === from.row && box.kind === 'phase' && box.startNs >= endNs && box.endNs <= startNs;
  return !seen.some(isBetween);
}

/** @returns where a gate stands when what waits began first: when the transfer began, or when the wait ended. */
function meeting(from: LayerBox, to: LayerBox): number | undefined {
  if (from.endNs <= to.startNs) return undefined;
  return from.kind === 'issue' ? to.startNs : Math.min(from.endNs, to.endNs);
}

function endsOf(source: PlacedBox, target: PlacedBox, down: boolean, scale: Scale): readonly [number, number] {
  const together = meeting(source.box, target.box);
  if (together !== undefined) return [scale(together), scale(together)];
  const { leave, arrive } = down ? INSETS.down : INSETS.up;
  const middle = ({ from, to }: PlacedBox): number => (from + to) / 2;
  return [Math.max(source.to - leave, middle(source)), Math.min(target.from + arrive, middle(target))];
}

/**
 * Lays the gates of a picture out: those whose both ends are seen, and within a row only those that skip a box, for a
 * stream's own order needs no arrow. Gates that run along the same stretch of a channel get a track each.
 */
export function routeGates(picture: LayerPicture, rows: readonly (readonly PlacedBox[])[], scale: Scale): Route[] {
  const seen = rows.flat();
  const find = ({ row, box }: LayerGate['from']): PlacedBox | undefined =>
    seen.find((placed) => placed.row === row && placed.index === box);
  const channels = Math.max(1, rows.length - 1);
  const routes: Omit<Route, 'track'>[] = [];
  for (const gate of picture.gates) {
    const [source, target] = [find(gate.from), find(gate.to)];
    if (source === undefined || target === undefined || areNeighbours(picture, gate, seen)) continue;
    const overlap = meeting(source.box, target.box) !== undefined;
    if (!overlap && (source.opensRight || target.opensLeft)) continue;
    const down = gate.to.row > gate.from.row;
    const [leaves, arrives] = endsOf(source, target, down, scale);
    const channel = Math.min(channels - 1, down ? gate.to.row - 1 : gate.to.row);
    routes.push({ gate, source, target, leaves, arrives, channel });
  }
  return assignTracks(routes);
}

function assignTracks(routes: readonly Omit<Route, 'track'>[]): Route[] {
  const ends = new Map<number, number[]>();
  const left = ({ leaves, arrives }: Omit<Route, 'track'>): number => Math.min(leaves, arrives);
  return [...routes]
    .sort((a, b) => left(a) - left(b))
    .map((route) => {
      const isStraight = route.gate.from.row !== route.gate.to.row && Math.abs(route.arrives - route.leaves) < STRAIGHT;
      if (isStraight) return { ...route, track: null };
      const tracks = ends.get(route.channel) ?? [];
      ends.set(route.channel, tracks);
      const free = tracks.findIndex((end) => end + 8 <= left(route));
      const track = free < 0 ? tracks.length : free;
      tracks[track] = Math.max(route.leaves, route.arrives);
      return { ...route, track };
    });
}

/** @returns how many tracks a channel has. */
export function trackCount(routes: readonly Route[], channel: number): number {
  return routes.reduce(
    (most, route) => (route.channel === channel ? Math.max(most, (route.track ?? -1) + 1) : most),
    0,
  );
}
