/**
 * Pieces of event text. Events are written by concatenation: one `JSON.stringify` of an object per event costs several
 * times as much as the gzip behind it.
 */

/** @returns the text as a JSON string literal. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/** @returns integer microseconds, as traces carry them; the exact nanoseconds go into args. */
export function microseconds(nanoseconds: number): number {
  return Math.round(nanoseconds / 1000);
}

/**
 * @returns a float the way a profiler prints a C++ `float`, 0.15151516 for 20 / 132.
 */
export function float32Text(value: number): string {
  return String(Number(Math.fround(value).toPrecision(8)));
}

/** What every element of `traceEvents` but the first begins with. */
export const SEPARATOR = ',\n';

function metadataEvent(kind: string, pid: number, tid: number, args: string): string {
  return `{"name":"${kind}","ph":"M","ts":0,"pid":${pid},"tid":${tid},"args":{${args}}}`;
}

/** Events that describe a process; three of them, the first without a separator before it. */
export function processMetadata(pid: number, name: string, labels: string, sortIndex: number): string {
  return (
    metadataEvent('process_name', pid, 0, `"name":${quote(name)}`) +
    SEPARATOR +
    metadataEvent('process_labels', pid, 0, `"labels":${quote(labels)}`) +
    SEPARATOR +
    metadataEvent('process_sort_index', pid, 0, `"sort_index":${sortIndex}`)
  );
}

/** How many events {@link processMetadata} writes. */
export const PROCESS_METADATA_EVENTS = 3;

/** Events that describe a thread; two of them, each with a separator before it. */
export function threadMetadata(pid: number, tid: number, name: string, sortIndex: number): string {
  return (
    SEPARATOR +
    metadataEvent('thread_name', pid, tid, `"name":${quote(name)}`) +
    SEPARATOR +
    metadataEvent('thread_sort_index', pid, tid, `"sort_index":${sortIndex}`)
  );
}

/** How many events {@link threadMetadata} writes. */
export const THREAD_METADATA_EVENTS = 2;
