const TIME_UNITS: readonly [number, string][] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
];
const BYTE_UNITS: readonly [number, string][] = [
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
];

/** @returns a duration in ns as engineers read it: `830 ns`, `12.35 µs`, `129.01 ms`. */
export function formatNs(ns: number): string {
  const unit = TIME_UNITS.find(([size]) => ns >= size);
  return unit === undefined ? `${Math.round(ns)} ns` : `${(ns / unit[0]).toFixed(2)} ${unit[1]}`;
}

/** @returns a point in time in ns, to the nanosecond: `12.345678 ms`. */
export function formatPoint(ns: number): string {
  const unit = TIME_UNITS.find(([size]) => ns >= size);
  return unit === undefined ? `${ns} ns` : `${(ns / unit[0]).toFixed(Math.log10(unit[0]))} ${unit[1]}`;
}

/** @returns a stretch of time in ns, with as many digits as its length calls for: `0 to 129.01 ms`. */
export function formatStretch(startNs: number, endNs: number): string {
  const [size, unit] = TIME_UNITS.find(([size]) => endNs >= size) ?? [1, 'ns'];
  // A step that is hardly seen: the two thousandth part, but no less than a ns.
  const digits = Math.max(0, Math.ceil(Math.log10(size / Math.max((endNs - startNs) / 2000, 1)) - 1e-9));
  const figure = (ns: number): string => (ns === 0 ? '0' : (ns / size).toFixed(digits));
  return `${figure(startNs)} to ${figure(endNs)} ${unit}`;
}

/** @returns bytes in decimal units: `1.20 GB`. */
export function formatBytes(bytes: number): string {
  const unit = BYTE_UNITS.find(([size]) => bytes >= size);
  return unit === undefined ? `${Math.round(bytes)} B` : `${(bytes / unit[0]).toFixed(2)} ${unit[1]}`;
}

/** @returns a share in % with one digit after the point: `96.3 %`. */
export function formatPct(pct: number): string {
  return `${pct.toFixed(1)} %`;
}

/** @returns µs as tables of phases have them: `5.3 µs`, `4599 µs`, `31.95 ms`, `43.89 s`; negative for what is early. */
export function timeText(us: number): string {
  const size = Math.abs(us);
  if (size >= 1e7) return `${(us / 1e6).toFixed(2)} s`;
  if (size >= 10_000) return `${(us / 1000).toFixed(2)} ms`;
  return size >= 100 || us === 0 ? `${us.toFixed(0)} µs` : `${us.toFixed(1)} µs`;
}

/** @returns a share in % with two digits after the point: `96.31 %`. */
export function percentText(pct: number): string {
  return `${pct.toFixed(2)} %`;
}

/** @returns a text of a value's size with its sign before it; one that rounds to nothing has none. */
function signed(value: number, textOf: (size: number) => string): string {
  const text = textOf(Math.abs(value));
  return /[1-9]/.test(text) ? `${value < 0 ? '−' : '+'}${text}` : text;
}

/** @returns a difference in µs: `+512 µs`, `−4.5 µs`. */
export function signedTimeText(us: number): string {
  return signed(us, timeText);
}

/** @returns a difference in %: `+1.60 %`. */
export function signedPercentText(pct: number): string {
  return signed(pct, percentText);
}

/** @returns a difference of two shares: `+0.73 points`. */
export function signedPointsText(points: number): string {
  return signed(points, (size) => `${size.toFixed(2)} points`);
}

/** @returns a difference of numbers without a unit, to three digits: `−0.016`. */
export function signedText(value: number): string {
  return signed(value, (size) => String(Number(size.toFixed(3))));
}
