import { catalogueOf, resolveConfiguration } from '@epemu/config';
import { InvariantError } from '@epemu/core';
import { measuresBy } from './load.js';
import { rowOf } from './row.js';
import type { CalibrationRow } from './row.js';
import type { KernelMeasure } from './schema.js';

/** The emulated time of a kernel alone, µs, or its rate, TFLOP/s. */
function emulatedOf(measure: KernelMeasure, catalogue: ReturnType<typeof catalogueOf>): number {
  const { scenario, list, kernel: label, sms, tokens, pairs, rowsOfExperts } = measure;
  const kernel = catalogue.kernels(list).find((each) => each.label === label);
  if (kernel === undefined) throw new InvariantError(`the list ${list} of ${scenario} has no kernel ${label}`);
  const sizes = catalogue.sizesOf({ tokens, attentionPairs: pairs, rowsOfExperts, receivedTokens: 0 });
  const ns = kernel.durationNs(sizes, sms);
  if (measure.in === 'us') return ns / 1000;
  const { m, n, k } = kernel.shape(sizes);
  // 1 TFLOP/s is 1000 operations a ns.
  return (2 * m * n * k) / ns / 1000;
}

/** @returns the published figures of kernels alone beside what the cost model of the built-in hardware makes of them. */
export function kernelRows(): CalibrationRow[] {
  const catalogues = new Map<string, ReturnType<typeof catalogueOf>>();
  return measuresBy('kernel').map(({ figure, index, measure }) => {
    const { scenario } = measure;
    const catalogue = catalogues.get(scenario) ?? catalogueOf(resolveConfiguration({ scenario }));
    catalogues.set(scenario, catalogue);
    return rowOf(figure, index, emulatedOf(measure, catalogue));
  });
}
