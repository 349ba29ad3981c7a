import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';

/** Where a trace has its events at the latest, and a report or analysis has none. */
const HEAD_BYTES = 65_536;
/** Reports and analyses are far smaller; what is larger is read as a trace only, piece by piece. */
const MOST_JSON_BYTES = 256 * 2 ** 20;

/** Events of a trace; a report has a figure of that name. */
const TRACE_EVENTS = /"traceEvents"\s*:\s*\[/;

function headOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.toString('utf8', 0, readSync(file, head, 0, HEAD_BYTES, 0));
  } finally {
    closeSync(file);
  }
}

/** @returns the JSON of a file that is no trace; undefined of one that may be one, or that is no JSON. */
export function jsonOf(path: string): unknown {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile() || stat.size > MOST_JSON_BYTES) return undefined;
  try {
    const head = headOf(path);
    if (!head.trimStart().startsWith('{') || TRACE_EVENTS.test(head)) return undefined;
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' && value !== null && 'traceEvents' in value ? undefined : value;
  } catch {
    // What is wrong with it, the reader of traces says better.
    return undefined;
  }
}
