import type { NumericsResult } from '@epemu/compute';

/** The sums that end up in the report. */
export interface NumericsTotals {
  /** Tokens whose way to the experts of one layer and back was compared. */
  tokensChecked: number;
  /** Tokens that were followed through all layers, forward or back. */
  chainsChecked: number;
  missing: number;
  duplicated: number;
  wrong: number;
  maxRelativeError: number;
}

/** @returns totals of nothing. */
export function emptyNumerics(): NumericsTotals {
  return { tokensChecked: 0, chainsChecked: 0, missing: 0, duplicated: 0, wrong: 0, maxRelativeError: 0 };
}

/** Adds what was found elsewhere, by one check or by another rank. */
export function addNumerics(totals: NumericsTotals, found: NumericsResult & { readonly chainsChecked?: number }): void {
  totals.tokensChecked += found.tokensChecked;
  totals.chainsChecked += found.chainsChecked ?? 0;
  totals.missing += found.missing;
  totals.duplicated += found.duplicated;
  totals.wrong += found.wrong;
  totals.maxRelativeError = Math.max(totals.maxRelativeError, found.maxRelativeError);
}
