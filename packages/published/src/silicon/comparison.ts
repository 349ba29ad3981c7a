/** A time measured on silicon beside the emulated one. */
export interface SiliconComparison {
  /** What a table of errors has a line for, such as `GEMM, FP8`. */
  readonly family: string;
  /** The GPU that was measured, as the table of times names it. */
  readonly gpu: string;
  /** fitted: constants were chosen by rows of the same shape; held-out: no constant was; derived: none was by any row of the GPU. */
  readonly use: 'fitted' | 'held-out' | 'derived';
  /** The row's sizes: `m=16 n=512 k=7168`. */
  readonly what: string;
  readonly measuredUs: number;
  readonly emulatedUs: number;
}

/** How far a family is off on a GPU. */
export interface SiliconErrors {
  readonly family: string;
  readonly gpu: string;
  readonly use: SiliconComparison['use'];
  readonly rows: number;
  /** |emulated / measured − 1| that half of the rows, and nine tenths of them, are within; in %. */
  readonly p50Pct: number;
  readonly p90Pct: number;
}

/** Rows of silicon, in sum and at their worst. */
export interface SiliconSummary {
  readonly errors: readonly SiliconErrors[];
  /** The rows that are furthest off. */
  readonly worst: readonly SiliconComparison[];
}

const MOST_WORST = 10;

/** @returns 100 × (emulated / measured − 1). */
export function siliconErrorPct({ measuredUs, emulatedUs }: SiliconComparison): number {
  return 100 * (emulatedUs / measuredUs - 1);
}

/** The value that a share of the others is at most as great as. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Rows by what they have in common, in the order in which each first comes. */
function grouped<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups.values()];
}

/** How often one is the other: as far off whether too long or too short. */
function factorOf({ measuredUs, emulatedUs }: SiliconComparison): number {
  return Math.max(measuredUs / emulatedUs, emulatedUs / measuredUs);
}

/** @returns the errors by family, GPU and use, in the order of the rows, and the worst rows first. */
export function siliconSummary(rows: readonly SiliconComparison[]): SiliconSummary {
  const groups = grouped(rows, ({ family, gpu, use }) => `${family}\n${gpu}\n${use}`);
  const errors = groups.map((group): SiliconErrors => {
    const off = group.map((row) => Math.abs(siliconErrorPct(row))).sort((a, b) => a - b);
    const [{ family, gpu, use }] = group;
    return {
      family,
      gpu,
      use,
      rows: off.length,
      p50Pct: rounded(quantile(off, 0.5)),
      p90Pct: rounded(quantile(off, 0.9)),
    };
  });
  const worst = [...rows].sort((a, b) => factorOf(b) - factorOf(a)).slice(0, MOST_WORST);
  return { errors, worst };
}

/**
 * @param most rows of a family, GPU and use.
 * @returns a fixed sample: evenly over the rows as the tables have them, so over shapes and sizes; all where there are few.
 */
export function stratifiedSample<Row>(rows: readonly Row[], stratum: (row: Row) => string, most: number): Row[] {
  return grouped(rows, stratum).flatMap((group) => {
    if (group.length <= most) return group;
    return Array.from({ length: most }, (_, i) => group[Math.floor(((i + 0.5) * group.length) / most)]);
  });
}
