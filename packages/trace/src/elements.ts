import { messageOf } from '@epemu/core';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x7b, 0x5b]);
const CLOSE = new Set([0x7d, 0x5d]);

/** Where an element stands in a text of several. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** Elements of a text, and what is wrong with the first that is broken. */
export interface ParsedElements {
  /** Those before it; all where none is broken. */
  readonly values: unknown[];
  readonly problem?: { readonly reason: string; readonly offset: number; readonly cause?: unknown };
}

/** @returns where the elements stand; they are objects with brackets that pair. */
function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      for (at++; at < text.length && text.charCodeAt(at) !== QUOTE; at++) {
        if (text.charCodeAt(at) === BACKSLASH) at++;
      }
    } else if (OPEN.has(code)) {
      if (depth++ === 0) from = at;
    } else if (CLOSE.has(code) && --depth === 0) spans.push({ from, to: at + 1 });
  }
  return spans;
}

/** @returns the byte at which the n-th element of a text begins. */
export function elementOffset(text: string, index: number): number {
  return Buffer.byteLength(text.slice(0, spansOf(text)[index]?.from ?? text.length));
}

/** @returns the parser's words on one line: they quote the text, line breaks and all. */
export function onOneLine(error: unknown): string {
  return messageOf(error).replace(/\s+/g, ' ');
}

/** Parses elements that commas separate, all at once; one by one only where that fails. */
export function parseElements(text: string): ParsedElements {
  try {
    return { values: JSON.parse(`[${text}]`) as unknown[] };
  } catch (cause) {
    const values: unknown[] = [];
    let end = 0;
    for (const { from, to } of spansOf(text)) {
      const problem = (reason: string): ParsedElements => {
        return { values, problem: { reason, offset: Buffer.byteLength(text.slice(0, from)), cause } };
      };
      if (end > 0 && text.slice(end, from).trim() !== ',') return problem('there is not one comma before an event');
      end = to;
      try {
        values.push(JSON.parse(text.slice(from, to)));
      } catch (error) {
        return problem(onOneLine(error));
      }
    }
    return { values, problem: { reason: onOneLine(cause), offset: Buffer.byteLength(text.slice(0, end)), cause } };
  }
}
