/** @returns nanoseconds as the pictures print them: `4 µs`, `5363 µs`; tenths below 10 µs, where they are to be seen. */
export function microseconds(ns: number): string {
  return `${microsecondFigure(ns)} µs`;
}

/** @returns the figure of `microseconds` without its unit. */
export function microsecondFigure(ns: number): string {
  const us = ns / 1000;
  return us < 9.95 ? us.toFixed(1).replace(/\.0$/, '') : us.toFixed(0);
}

/** @returns multiples of 1, 2 or 5 times a power of ten from 0 to `spanNs`, as many as there may be; ns. */
export function roundTicks(spanNs: number, most: number): number[] {
  const atLeast = Math.max(1, spanNs / Math.max(1, most));
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= atLeast)!;
  return Array.from({ length: Math.floor(spanNs / step) + 1 }, (_, index) => index * step);
}
