import type { PointFigures } from '@epemu/experiments';
import { percentText, timeText } from '@epemu/pages';

/** A figure of a point as tables and charts have it. */
export interface FigureColumn {
  /** In CSV and JSON: its unit is in it. */
  readonly name: string;
  /** In tables. */
  readonly label: string;
  readonly of: (figures: PointFigures) => number | undefined;
  readonly text: (value: number) => string;
}

const milliseconds = (ms: number): string => timeText(ms * 1000);

/** What of a point is shown, in order; the first ones are drawn. */
export const FIGURE_COLUMNS: readonly FigureColumn[] = [
  { name: 'layer_us', label: 'layer', of: ({ steady }) => steady.layerUs.mean, text: timeText },
  { name: 'exposed_pct', label: 'exposed', of: ({ steady }) => steady.exposedCommPct, text: percentText },
  {
    name: 'tokens_per_s_per_gpu',
    label: 'tokens/s/GPU',
    of: ({ throughput }) => throughput.tokensPerSecondPerGpu,
    text: (value) => value.toFixed(0),
  },
  { name: 'step_ms', label: 'step', of: ({ throughput }) => throughput.stepMs, text: milliseconds },
  { name: 'tpot_ms', label: 'TPOT', of: ({ throughput }) => throughput.tpotMs, text: milliseconds },
  { name: 'overlap_pct', label: 'overlap', of: ({ steady }) => steady.overlapPct, text: percentText },
  { name: 'idle_pct', label: 'idle', of: ({ steady }) => steady.idlePct, text: percentText },
  {
    name: 'memory_gb',
    label: 'GPU memory',
    of: ({ memory }) => memory.gigabytes.total,
    text: (value) => `${value.toFixed(1)} GB`,
  },
];
