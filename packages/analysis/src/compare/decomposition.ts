import type { OverlapSummary } from '../figures/figure-report.js';
import type { ComparedSide, SideTables } from './side.js';

/** What a layer's time is made of, µs to the ns; the parts are the layer's time exactly. */
export interface LayerParts {
  readonly layerUs: number;
  /** Time in which something computes. */
  readonly computeUs: number;
  /** Communication with no compute running. */
  readonly exposedCommUs: number;
  /** Copies and fills beside which nothing computes or communicates. */
  readonly copyUs: number;
  readonly idleUs: number;
}

/** Which time of two sides is compared. */
export interface Basis {
  /** `span` where the layers of one are not marked, or not as the other's are: then everything is of the whole span. */
  readonly unit: 'layer' | 'span';
  /** Which layers the layer's time is of. */
  readonly window: 'steady' | 'all';
  /** Which layers phases and kernels are of: those of the window where both are traces, else all. */
  readonly tablesWindow: 'steady' | 'all';
  /** Whether background transfers count as communication: not where only one side can show them. */
  readonly transfers: boolean;
}

function hasTransfers({ plain }: ComparedSide): boolean {
  return plain.phases.some(({ kind }) => kind === 'network');
}

/** Spans that differ by less are as long as each other, so that their layers should be as many. */
const ALIKE = 0.1;

/** @returns whether a layer of one side need not be a layer of the other: found in another way, or of other phases. */
export function layersDiffer(a: ComparedSide, b: ComparedSide): boolean {
  if (a.phasesInferred !== b.phasesInferred) return true;
  if (a.layers === b.layers || a.marker === null || b.marker === null || a.marker === b.marker) return false;
  const [one, other] = [a.timeline.rankSpanUs, b.timeline.rankSpanUs];
  return Math.abs(one - other) <= ALIKE * Math.max(one, other);
}

/** @returns what of two sides can be compared alike. */
export function basisOf(a: ComparedSide, b: ComparedSide): Basis {
  const unit = a.layers > 0 && b.layers > 0 && !layersDiffer(a, b) ? 'layer' : 'span';
  const window = unit === 'layer' && a.steady !== null && b.steady !== null ? 'steady' : 'all';
  const isExact = a.exact !== null && b.exact !== null;
  const tablesWindow = isExact ? window : 'all';
  return { unit, window, tablesWindow, transfers: hasTransfers(a) === hasTransfers(b) };
}

/** @returns the figures that a basis is about. */
export function summaryOf({ timeline, steady }: ComparedSide, { window, transfers }: Basis): OverlapSummary {
  const summary = window === 'steady' ? steady! : timeline;
  return transfers ? summary : summary.kernelsOnly;
}

/** @returns the tables that a basis is about: of traces the exact ones, where the other side has these too. */
export function tablesOf({ plain, exact }: ComparedSide, other: ComparedSide, basis: Basis): SideTables {
  if (exact === null || other.exact === null) return plain;
  return basis.tablesWindow === 'steady' ? exact.steady! : exact.whole;
}

/** @returns a sum of one rank as integer ns of one layer; of the whole where layers are not marked. */
export function perLayerNs(us: number, layers: number, { unit }: Basis): number {
  return Math.round((us * 1000) / (unit === 'layer' ? layers : 1));
}

/** Means are rounded to the ns; what four of them differ by is no copy. */
const ROUNDING_US = 0.003;

/** Divides a layer's time into parts that add up to it. */
export function partsOf(side: ComparedSide, basis: Basis): LayerParts {
  const { rankSpanUs, computeUs, exposedCommUs, idleUs } = summaryOf(side, basis);
  // The window of steady layers leaves out the first and the last.
  const layers = basis.window === 'steady' ? side.layers - 2 : side.layers;
  const left = rankSpanUs - computeUs - exposedCommUs - idleUs;
  const ns = (us: number): number => perLayerNs(us, layers, basis);
  const layer = ns(rankSpanUs);
  const [compute, exposed, copy] = [ns(computeUs), ns(exposedCommUs), left > ROUNDING_US ? ns(left) : 0];
  return partsFromNs([layer, compute, exposed, copy, layer - compute - exposed - copy]);
}

function partsFromNs(ns: readonly number[]): LayerParts {
  // Never −0, which would be another value than 0 to a reader of JSON.
  const [layerUs, computeUs, exposedCommUs, copyUs, idleUs] = ns.map((each) => (each === 0 ? 0 : each / 1000));
  return { layerUs, computeUs, exposedCommUs, copyUs, idleUs };
}

/** @returns B − A of each part. */
export function differenceOf(a: LayerParts, b: LayerParts): LayerParts {
  const difference = (part: keyof LayerParts): number => Math.round(b[part] * 1000) - Math.round(a[part] * 1000);
  const parts = ['layerUs', 'computeUs', 'exposedCommUs', 'copyUs', 'idleUs'] as const;
  return partsFromNs(parts.map(difference));
}
