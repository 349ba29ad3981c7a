import { messageOf } from '@epemu/core';

import { parseLeniently } from './lenient.js';

/** What is wrong with an element. */
export interface Flaw {
  /** Its place among the elements of the text. */
  readonly index: number;
  readonly reason: string;
  readonly cause?: unknown;
  /** Whether it can be read for all that. */
  readonly isMended: boolean;
}

/** Elements of a text, and what is wrong with some of them. */
export interface ParsedElements {
  /** Undefined where an element cannot be read. */
  readonly values: readonly unknown[];
  /** In the order of the elements; one for each at most. */
  readonly flaws: readonly Flaw[];
}

/** @returns the parser's words on one line: they quote the text, line breaks and all. */
export function onOneLine(error: unknown): string {
  return messageOf(error).replace(/\s+/g, ' ');
}

function parseElement(text: string, index: number, flaws: Flaw[]): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const value = parseLeniently(text);
    flaws.push({ index, reason: onOneLine(cause), cause, isMended: value !== undefined });
    return value;
  }
}

/**
 * Parses elements that commas separate, all at once; one by one only where that fails.
 *
 * @param spans beginning and end of each.
 */
export function parseElements(text: string, spans: readonly number[]): ParsedElements {
  const count = spans.length / 2;
  try {
    const values = JSON.parse(`[${text}]`) as unknown[];
    if (values.length === count) return { values, flaws: [] };
  } catch {
    // Which element it is, and whether only one, is found out below.
  }
  const flaws: Flaw[] = [];
  const values: unknown[] = [];
  for (let index = 0; index < count; index++) {
    const [from, to] = [spans[2 * index], spans[2 * index + 1]];
    const found = flaws.length;
    values.push(parseElement(text.slice(from, to), index, flaws));
    const between = index === 0 ? ',' : text.slice(spans[2 * index - 1], from).trim();
    if (flaws.length === found && between !== ',') {
      flaws.push({ index, reason: 'there is not one comma before an event', isMended: true });
    }
  }
  return { values, flaws };
}
