/** A point of a line; null where there is none. */
export interface LineSeries {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

/** Lines over the values of a parameter. */
export interface LineChart {
  readonly kind: 'lines';
  readonly title: string;
  readonly xLabel: string;
  /** Of the parameter, in order; numbers are drawn where they are, others at equal distances. */
  readonly xs: readonly string[];
  readonly series: readonly LineSeries[];
  readonly text: (value: number) => string;
  /** The best point: its series and its place; undefined for none. */
  readonly best: { readonly series: number; readonly place: number } | undefined;
}

/** A figure over two parameters. */
export interface HeatChart {
  readonly kind: 'heat';
  readonly title: string;
  readonly xLabel: string;
  readonly xs: readonly string[];
  readonly yLabel: string;
  readonly ys: readonly string[];
  /** Row by row, as `ys`; null where there is none. */
  readonly values: readonly (readonly (number | null)[])[];
  readonly text: (value: number) => string;
  readonly best: { readonly row: number; readonly column: number } | undefined;
}

/** One figure against another. */
export interface ScatterChart {
  readonly kind: 'scatter';
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly points: readonly {
    readonly x: number;
    readonly y: number;
    readonly label: string;
    /** Of one that is not allowed only an outline is drawn. */
    readonly allowed: boolean;
    readonly isBest: boolean;
  }[];
  readonly xText: (value: number) => string;
  readonly yText: (value: number) => string;
  /** The most of x that is allowed; undefined for no limit. */
  readonly limit: number | undefined;
}

export type ChartData = LineChart | HeatChart | ScatterChart;
