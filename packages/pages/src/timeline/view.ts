/** The stretch of time in view, ns. */
export interface View {
  readonly startNs: number;
  readonly endNs: number;
}

/** Nothing shorter is worth a screen. */
const SHORTEST_NS = 50;

/** @returns the view moved and sized so that it lies within [0, totalNs]. */
export function clampView({ startNs, endNs }: View, totalNs: number): View {
  const span = Math.min(Math.max(endNs - startNs, SHORTEST_NS), totalNs);
  const middle = (startNs + endNs) / 2;
  const start = Math.min(Math.max(middle - span / 2, 0), totalNs - span);
  return { startNs: start, endNs: start + span };
}

/** @returns the view with its span times `factor`, the given time staying where it is. */
export function zoomView(view: View, factor: number, atNs: number, totalNs: number): View {
  const span = view.endNs - view.startNs;
  // At a limit the factor that is left decides, or the view would creep sideways.
  const held = Math.min(Math.max(span * factor, SHORTEST_NS), totalNs) / span;
  const startNs = atNs - (atNs - view.startNs) * held;
  return clampView({ startNs, endNs: startNs + span * held }, totalNs);
}

/** @returns the view moved by a time. */
export function panView(view: View, byNs: number, totalNs: number): View {
  return clampView({ startNs: view.startNs + byNs, endNs: view.endNs + byNs }, totalNs);
}

/** @returns a view with a piece in its middle fifth. */
export function viewAround(startNs: number, endNs: number, totalNs: number): View {
  const margin = Math.max(endNs - startNs, SHORTEST_NS) * 2;
  return clampView({ startNs: startNs - margin, endNs: endNs + margin }, totalNs);
}

/** @returns round times within the view, at most `count` of them, and the step between them, ns. */
export function axisTicks(
  { startNs, endNs }: View,
  count: number,
): { readonly stepNs: number; readonly ticks: number[] } {
  const rough = Math.max((endNs - startNs) / count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const stepNs = power * ([1, 2, 5].find((digit) => digit * power >= rough) ?? 10);
  const first = Math.ceil(startNs / stepNs);
  const last = Math.floor(endNs / stepNs);
  return { stepNs, ticks: Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => (first + i) * stepNs) };
}

/** @returns an axis label in the unit of the view's end, with the digits that the step needs: `12.5 ms`. */
export function tickLabel(ns: number, stepNs: number, viewEndNs: number): string {
  const [size, unit] =
    viewEndNs >= 1e9 ? [1e9, 's'] : viewEndNs >= 1e6 ? [1e6, 'ms'] : viewEndNs >= 1e3 ? [1e3, 'µs'] : [1, 'ns'];
  const digits = Math.max(0, Math.ceil(Math.log10(size / stepNs) - 1e-9));
  return `${(ns / size).toFixed(digits)} ${unit}`;
}
