/** Pieces of all tracks, ordered by track, then start; a lane is one track's stretch of them. Times in ns. */
export interface Lanes {
  /** The pieces of track t are `offsets[t]` to before `offsets[t + 1]`. */
  readonly offsets: Uint32Array;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  /** Largest end in the lane so far: ascending, so what reaches into a range is found by bisection. */
  readonly maxEnds: Float64Array;
  /** Row of the piece in the columns that it came from. */
  readonly items: Uint32Array;
  /** What the piece is coloured by. */
  readonly kinds: Uint8Array;
  /** By kind: time in pieces of it before a piece, over all lanes; tells which kind fills a pixel without a loop. */
  readonly timeBefore: readonly Float64Array[];
}

/** Columns that lanes are made of. */
export interface PieceColumns {
  readonly track: ArrayLike<number>;
  readonly startNs: ArrayLike<number>;
  readonly endNs: ArrayLike<number>;
}

function trackOrder({ track, startNs }: PieceColumns): Uint32Array {
  const order = Uint32Array.from({ length: track.length }, (_, i) => i);
  const compare = (a: number, b: number): number => track[a] - track[b] || startNs[a] - startNs[b];
  // Most columns come in order, and looking is far cheaper than sorting.
  return order.every((row) => row === 0 || compare(row - 1, row) <= 0) ? order : order.sort(compare);
}

/** @returns lanes of pieces; `kindOf` gives a row's kind, below `kindCount`. */
export function buildLanes(
  trackCount: number,
  columns: PieceColumns,
  kindOf: (row: number) => number,
  kindCount: number,
): Lanes {
  const items = trackOrder(columns);
  const count = items.length;
  const lanes = {
    offsets: new Uint32Array(trackCount + 1),
    starts: new Float64Array(count),
    ends: new Float64Array(count),
    maxEnds: new Float64Array(count),
    items,
    kinds: new Uint8Array(count),
    timeBefore: Array.from({ length: kindCount }, () => new Float64Array(count + 1)),
  };
  for (let i = 0, track = -1, maxEnd = 0; i < count; i++) {
    const row = items[i];
    if (columns.track[row] !== track) {
      track = columns.track[row];
      maxEnd = 0;
    }
    lanes.offsets[track + 1] += 1;
    lanes.starts[i] = columns.startNs[row];
    lanes.ends[i] = columns.endNs[row];
    maxEnd = Math.max(maxEnd, columns.endNs[row]);
    lanes.maxEnds[i] = maxEnd;
    lanes.kinds[i] = kindOf(row);
    lanes.timeBefore.forEach((before, kind) => {
      before[i + 1] = before[i] + (kind === lanes.kinds[i] ? lanes.ends[i] - lanes.starts[i] : 0);
    });
  }
  for (let track = 0; track < trackCount; track++) lanes.offsets[track + 1] += lanes.offsets[track];
  return lanes;
}

/** @returns the first index in [from, to) whose value is above the bound, `to` if none; values ascend. */
export function firstAbove(values: Float64Array, from: number, to: number, bound: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** @returns the piece of a track nearest to a time, at most `toleranceNs` away; −1 for none. */
export function pieceAt(lanes: Lanes, track: number, ns: number, toleranceNs: number): number {
  const from = lanes.offsets[track];
  const last = firstAbove(lanes.starts, from, lanes.offsets[track + 1], ns + toleranceNs) - 1;
  let best = -1;
  let bestDistance = Infinity;
  for (let i = last; i >= from && lanes.maxEnds[i] >= ns - toleranceNs; i--) {
    const distance = Math.max(lanes.starts[i] - ns, ns - lanes.ends[i], 0);
    if (distance <= toleranceNs && distance < bestDistance) {
      best = i;
      bestDistance = distance;
    }
    if (bestDistance === 0) break;
  }
  return best;
}
