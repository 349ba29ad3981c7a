/** @returns µs as an engineer reads them: `5.3 µs`, `412 µs`, `31.95 ms`. */
export function timeText(us: number): string {
  const size = Math.abs(us);
  if (size >= 10_000) return `${(us / 1000).toFixed(2)} ms`;
  return size >= 100 || us === 0 ? `${us.toFixed(0)} µs` : `${us.toFixed(1)} µs`;
}

/** @returns a share in %. */
export function percentText(pct: number): string {
  return `${pct.toFixed(2)} %`;
}

/** @returns bytes in the largest decimal unit that leaves a whole number before the point. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value.toFixed(0) : value.toFixed(2)} ${units[unit]}`;
}
