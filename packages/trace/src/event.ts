/** A trace event as it was read; see the Chrome trace format. Only what every event has is checked. */
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

/** @returns a parsed element of `traceEvents` as an event, or undefined when it is none. */
export function asTraceEvent(value: unknown): TraceEvent | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const event = value as { ph?: unknown; name?: unknown; pid?: unknown; tid?: unknown };
  if (typeof event.ph !== 'string') return undefined;
  event.name ??= '';
  event.pid ??= '';
  event.tid ??= '';
  return event as unknown as TraceEvent;
}
