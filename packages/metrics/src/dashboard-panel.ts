import { METRICS } from './catalogue.js';
import type { HistogramKey, ValueKey } from './catalogue.js';
import type { PanelType } from './grafana.js';

const CHOSEN = 'job=~"$job",instance=~"$instance"';

/** @returns a family's series of the chosen processes, those with some labels. */
export function series(key: ValueKey, labels: Readonly<Record<string, string>> = {}): string {
  const more = Object.entries(labels).map(([name, value]) => `,${name}="${value}"`);
  return `${METRICS[key].name}{${CHOSEN}${more.join('')}}`;
}

/** @returns a histogram's quantile over all that was observed: a run is a batch, whose rates say nothing. */
export function quantile(q: number, key: HistogramKey): string {
  return `histogram_quantile(${q}, sum by (direction, le) (${METRICS[key].name}_bucket{${CHOSEN}}))`;
}

/** @returns how fast a counter of the host grows. */
export const rate = (key: ValueKey): string => `rate(${series(key)}[$__rate_interval])`;

/** Units as Grafana calls them. */
type Unit = 's' | 'bytes' | 'Bps' | 'ops' | 'percentunit' | 'none' | 'short';

/** What a panel shows; place and numbers are given to it later. */
export interface PanelSketch {
  readonly type: PanelType;
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  readonly width: number;
  /** Pairs of a query and the name of its series. */
  readonly queries: readonly (readonly [expression: string, legend: string])[];
  readonly defaults?: Readonly<Record<string, unknown>>;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Panels under a heading. */
export interface Section {
  readonly title: string;
  readonly height: number;
  readonly panels: readonly PanelSketch[];
}

/** Options of panels that several have. */
export const SHARE = { min: 0, max: 1 };
export const STACKED = { custom: { stacking: { mode: 'normal' }, fillOpacity: 40 } };
export const LAST = { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } };
export const WARM = { color: { mode: 'continuous-GrYlRd' } };
