import { publishedValue, rowId } from './load.js';
import type { FigureUse, PublishedFigure, Tolerance } from './schema.js';

/** A published figure beside the emulated one. */
export interface CalibrationRow {
  readonly id: string;
  /** Name of its group of figures. */
  readonly group: string;
  readonly what: string;
  readonly unit: string;
  readonly published: number | string;
  readonly emulated: number | string;
  /** 100 × (emulated / published − 1); null where they are no numbers. */
  readonly errorPct: number | null;
  /** Emulated − published, of shares in % whose tolerance is in points. */
  readonly errorPoints?: number;
  readonly tolerance?: Tolerance;
  readonly withinTolerance?: boolean;
  readonly use: FigureUse;
  readonly source: string;
  /** What is known to set the two apart. */
  readonly differences?: string;
  /** The emulated figure of rank 0 alone, where `emulated` is a mean over ranks. */
  readonly rank0?: number | string;
}

/** To six digits behind the point, so that a report holds no noise of binary fractions. */
function rounded(value: number | string): number | string {
  return typeof value === 'number' ? Math.round(value * 1e6) / 1e6 : value;
}

/** How far off a tolerance lets an emulated figure be, in the figure's unit; points are its unit. */
function allowance(published: number, tolerance: Tolerance): number {
  if (tolerance.kind === 'exact') return 0;
  if (tolerance.kind === 'points') return tolerance.value;
  return Math.max((Math.abs(published) * tolerance.value) / 100, tolerance.orUs ?? 0);
}

function isWithin(published: number | string, emulated: number | string, tolerance: Tolerance): boolean {
  if (typeof published === 'string' || typeof emulated === 'string') return published === emulated;
  return Math.abs(emulated - published) <= allowance(published, tolerance);
}

/**
 * @param index which of the figure's measures, and so which of its values.
 * @param rank0 the emulated figure of rank 0 alone.
 * @returns the row of a figure.
 */
export function rowOf(
  figure: PublishedFigure,
  index: number,
  emulated: number | string,
  rank0?: number | string,
): CalibrationRow {
  const { group, what, unit, tolerance, use, source, differences } = figure;
  const published = publishedValue(figure, index);
  const numbers = typeof published === 'number' && typeof emulated === 'number';
  const isPoints = numbers && tolerance?.kind === 'points';
  return {
    id: rowId(figure, index),
    group,
    what,
    unit,
    published,
    emulated: rounded(emulated),
    errorPct: numbers ? Math.round(1e4 * (100 * (emulated / published - 1))) / 1e4 : null,
    ...(isPoints ? { errorPoints: Math.round(1e4 * (emulated - published)) / 1e4 } : {}),
    ...(tolerance === undefined ? {} : { tolerance, withinTolerance: isWithin(published, emulated, tolerance) }),
    use,
    source,
    ...(differences === undefined ? {} : { differences }),
    ...(rank0 === undefined ? {} : { rank0: rounded(rank0) }),
  };
}

/** @returns whether the row has a tolerance and is outside it. */
export function isMiss(row: CalibrationRow): boolean {
  return row.withinTolerance === false;
}

/** Error over what the tolerance allows: above 1 is a miss. */
function severity({ tolerance, withinTolerance, published, emulated }: CalibrationRow): number {
  const numbers = typeof published === 'number' && typeof emulated === 'number';
  if (tolerance === undefined || tolerance.kind === 'exact' || !numbers)
    return withinTolerance === false ? Infinity : 0;
  return Math.abs(emulated - published) / allowance(published, tolerance);
}

/** @returns rows with the worst first: by error over tolerance, then those without a tolerance by error. */
export function worstFirst(rows: readonly CalibrationRow[]): CalibrationRow[] {
  const bound = (row: CalibrationRow): number => (row.tolerance === undefined ? 1 : 0);
  return [...rows].sort(
    (a, b) =>
      bound(a) - bound(b) ||
      severity(b) - severity(a) ||
      Math.abs(b.errorPct ?? 0) - Math.abs(a.errorPct ?? 0) ||
      (a.id < b.id ? -1 : 1),
  );
}
