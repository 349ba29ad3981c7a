/**
 * A trace event as it was read; see the Chrome trace format. Checked is only what every event has, and that `args` is a
 * mapping.
 */
export interface TraceEvent {
  /** X (complete), M (metadata), s and f (flow), b and e (async), i (instant), … */
  readonly ph: string;
  /** Empty where the event has none. */
  readonly name: string;
  readonly cat?: string;
  /** Empty where the event has none. */
  readonly pid: number | string;
  readonly tid: number | string;
  /** Microseconds. */
  readonly ts?: number;
  readonly dur?: number;
  readonly id?: number | string;
  readonly bp?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** @returns a name as text: that of a number or a boolean; empty where there is none. */
function textOf(name: unknown): string {
  return typeof name === 'number' || typeof name === 'boolean' ? String(name) : '';
}

/** @returns whether it can name a process or a thread. */
function isRow(value: unknown): value is number | string {
  return typeof value === 'number' || typeof value === 'string';
}

/**
 * Puts a parsed element right in place, for a copy of every event would slow reading down: a name is a text, and
 * `args` that are no mapping are none.
 *
 * @returns a parsed element of `traceEvents` as an event, or undefined when it is none.
 */
export function asTraceEvent(value: unknown): TraceEvent | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const event = value as { ph?: unknown; name?: unknown; pid?: unknown; tid?: unknown; args?: unknown };
  if (typeof event.ph !== 'string') return undefined;
  if (typeof event.name !== 'string') event.name = textOf(event.name);
  if (!isRow(event.pid)) event.pid = '';
  if (!isRow(event.tid)) event.tid = '';
  const { args } = event;
  // Events without args stay without the key.
  if (args !== undefined && (typeof args !== 'object' || args === null || Array.isArray(args))) event.args = undefined;
  return event as unknown as TraceEvent;
}
