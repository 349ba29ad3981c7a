/** Sets an element's text where it is another: what stays as it is, is neither laid out nor read aloud again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** @returns a new element with a text and a class. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  text = '',
  className = '',
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className !== '') made.className = className;
  return made;
}

/** @returns `1 worker`, `2 workers`. */
export function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}

/** @returns virtual ns in µs, as all of the page shows them: `12.35 µs`, `4,599 µs`. */
export function microsecondsText(ns: number): string {
  const us = ns / 1000;
  const digits = us >= 1000 ? 0 : us >= 100 ? 1 : 2;
  return `${us.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} µs`;
}

/** @returns host time: `8.3 s`, `2 min 05 s`. */
export function hostTimeText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}
