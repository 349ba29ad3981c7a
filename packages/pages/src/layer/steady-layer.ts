import { gatesOf } from '@epemu/analysis';
import type { AnalysedRanks, Gates, RankFigures } from '@epemu/analysis';
import type { PhaseInstance, RankView } from '@epemu/timeline';
import { toneOf } from './picture.js';
import type { LayerBox, LayerGate, LayerPicture, LayerRow } from './picture.js';

/** More boxes than this are no picture; gates among them are found in a time that grows with their square. */
const MOST_BOXES = 400;

interface Window {
  readonly startNs: number;
  readonly endNs: number;
}

/** @returns the second layer of a rank, which is steady, or its only one; all of its time where it has none. */
function layerWindow(
  starts: readonly number[],
  last: number,
  layer = starts.length > 2 ? 1 : 0,
): Window & { readonly layer: number } {
  return { startNs: starts[layer] ?? 0, endNs: starts[layer + 1] ?? last, layer };
}

/** A box and where it came from: an instance, or a background transfer by its name. */
interface Placed {
  readonly box: LayerBox;
  readonly instance: number;
  /** The transfer that it issues or waits for. */
  readonly transfer?: string | undefined;
}

class Rows {
  readonly #exposed: readonly Window[];
  readonly #window: Window;

  constructor(window: Window, exposed: readonly Window[]) {
    this.#window = window;
    this.#exposed = exposed;
  }

  isSeen({ startNs, endNs }: Window): boolean {
    return endNs > this.#window.startNs && startNs < this.#window.endNs;
  }

  /** @param half of a background transfer that it is. */
  box(phase: string, span: Window, communicates: boolean, half?: PhaseInstance['half']): LayerBox {
    const exposed = communicates
      ? this.#exposed
          .filter(({ startNs, endNs }) => endNs > span.startNs && startNs < span.endNs)
          .map(({ startNs, endNs }) => ({
            startNs: Math.max(startNs, span.startNs),
            endNs: Math.min(endNs, span.endNs),
          }))
      : [];
    return { phase, startNs: span.startNs, endNs: span.endNs, tone: toneOf(phase), kind: half ?? 'phase', exposed };
  }
}

/**
 * Leaves out gates that follow from others and from the order on streams, so that what is drawn is what was decided.
 *
 * @param gates by instance.
 */
function reducedGates(
  { content: { instances } }: RankView,
  gates: Gates,
  seen: readonly number[],
): readonly (readonly number[])[] {
  const lastOnStream = new Map<number, number>();
  const ancestors = new Map<number, Set<number>>();
  const before = new Map<number, number | undefined>();
  for (const index of seen) {
    const { stream } = instances[index];
    before.set(index, lastOnStream.get(stream));
    lastOnStream.set(stream, index);
  }
  for (const index of seen) {
    const all = new Set<number>();
    for (const direct of [...gates[index], before.get(index)]) {
      if (direct === undefined || !ancestors.has(direct)) continue;
      all.add(direct);
      for (const far of ancestors.get(direct)!) all.add(far);
    }
    ancestors.set(index, all);
  }
  return seen.map((index) => {
    const direct = [...gates[index], ...(before.get(index) === undefined ? [] : [before.get(index)!])];
    return gates[index].filter(
      (gate) =>
        ancestors.has(gate) && !direct.some((other) => other !== gate && ancestors.get(other)?.has(gate) === true),
    );
  });
}

function rowOf(kind: LayerRow['kind'], sms: number | undefined, placed: readonly Placed[]): LayerRow {
  return { kind, sms: sms ?? null, boxes: placed.map(({ box }) => box) };
}

/** @returns what was placed, by row and box, for the arrows. */
function placesOf(rows: readonly (readonly Placed[])[]): Map<number, { row: number; box: number }> {
  return new Map(rows.flatMap((placed, row) => placed.map(({ instance }, box) => [instance, { row, box }] as const)));
}

/** Arrows between an issue, its background transfer and its wait. */
function transferGates(rows: readonly (readonly Placed[])[], network: number): LayerGate[] {
  const gates: LayerGate[] = [];
  rows[network].forEach(({ box: { phase, startNs, endNs } }, box) => {
    rows.forEach((placed, row) => {
      if (row === network) return;
      placed.forEach(({ box: other, transfer }, index) => {
        if (transfer !== phase) return;
        if (other.kind === 'issue' && other.startNs <= startNs && startNs <= other.endNs) {
          gates.push({ from: { row, box: index }, to: { row: network, box } });
        }
        if (other.kind === 'wait' && other.startNs <= endNs && endNs <= other.endNs) {
          gates.push({ from: { row: network, box }, to: { row, box: index } });
        }
      });
    });
  });
  return gates;
}

/** @returns the instances of a rank that lie in a window, and all before them that gates may lead to, by start. */
function order(instances: readonly PhaseInstance[], seen: (instance: PhaseInstance) => boolean): number[] {
  return instances.flatMap((instance, index) => (seen(instance) ? [index] : []));
}

/**
 * Draws up one steady layer of the first rank as the published figures draw it: what computes, what communicates, what
 * is in the background, and the gates between them.
 *
 * @param index the layer's place among those of the rank; by default the second, or the only one.
 * @returns null where the trace has no phases, or so many in a layer that no picture could tell them apart.
 */
export function steadyLayer(
  { set, analysis }: AnalysedRanks,
  { view, layers, exposed }: RankFigures,
  index?: number,
): LayerPicture | null {
  const { instances, streams, transfers } = view.content;
  if (instances.length === 0) return null;
  const lastNs = instances.reduce((last, { endNs }) => Math.max(last, endNs), 0);
  const starts = layers.map(({ startNs }) => startNs);
  const window = layerWindow(starts, lastNs, index);
  const rows = new Rows(window, exposed);
  const seen = order(instances, (instance) => rows.isSeen(instance));
  if (seen.length > MOST_BOXES) return null;
  const placedOn = (role: 'computation' | 'communication'): Placed[] =>
    seen.flatMap((instance) => {
      const { phase, stream, startNs, endNs, half, transfer } = instances[instance];
      if (streams[stream].role !== role) return [];
      const communicates = role === 'communication' || half !== undefined;
      return [{ instance, transfer, box: rows.box(phase, { startNs, endNs }, communicates, half) }];
    });
  const computation = placedOn('computation');
  const communication = placedOn('communication');
  const network = transfers
    .filter((transfer) => rows.isSeen(transfer))
    .map(({ phase, startNs, endNs }): Placed => ({ instance: -1, box: rows.box(phase, { startNs, endNs }, true) }));
  const all = [computation, communication, network];
  const places = placesOf(all.slice(0, 2));
  const reduced = reducedGates(view, gatesOf(view, set.facts), seen);
  const gates = seen.flatMap((index, i) =>
    reduced[i].flatMap((gate): LayerGate[] => {
      const [from, to] = [places.get(gate), places.get(index)];
      return from === undefined || to === undefined ? [] : [{ from, to }];
    }),
  );
  gates.push(...transferGates(all, 2));
  const drawn = all.flatMap((placed, row) => (placed.length > 0 ? [row] : []));
  const renumbered = (end: LayerGate['from']): LayerGate['from'] => ({ ...end, row: drawn.indexOf(end.row) });
  const { computeSms, communicationSms } = set.facts;
  const layerRows = [
    rowOf('computation', computeSms, computation),
    rowOf('communication', communicationSms, communication),
    rowOf('network', undefined, network),
  ];
  return {
    title: `${analysis.scenario ?? 'trace'}: layer ${layers[window.layer]?.layer ?? window.layer} of rank ${view.rank}`,
    startNs: window.startNs,
    endNs: window.endNs,
    rows: drawn.map((row) => layerRows[row]),
    gates: gates.map(({ from, to }) => ({ from: renumbered(from), to: renumbered(to) })),
  };
}
