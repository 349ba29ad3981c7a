import type { PlacedBox } from './place.js';
import { microseconds } from './scale.js';
import { charactersOf, plainText } from '../plain-text.js';

/** Sizes of text, px. */
export const NAME_SIZE = 12;
export const SMALL_SIZE = 10.5;
const LEAST_SIZE = 10;
/** How many labels may stand over each other outside a row. */
const LEVELS = 5;
const GAP = 6;

/** A label outside its box, at the end of a leader. */
export interface Flag {
  readonly placed: PlacedBox;
  readonly text: string;
  /** Where its leader stands, and whether its text runs to the left of it. */
  readonly x: number;
  readonly toLeft: boolean;
  /** 0 is the nearest to the row. */
  readonly level: number;
  /** Its text stands for the box's number, which is known when all rows are laid out. */
  readonly isNumber: boolean;
}

/** A line of text within a box. */
export interface Line {
  readonly text: string;
  readonly size: number;
  readonly isBold: boolean;
}

/** Where a box's name stands: within it, at the end of a leader, or in the legend by number; a bar's maybe in its `<title>` alone. */
export interface RowLabels {
  /** By box index: the lines that fit in the box. */
  readonly inside: ReadonlyMap<number, readonly Line[]>;
  readonly flags: readonly Flag[];
  /** Boxes that are named in the legend. */
  readonly numbered: readonly PlacedBox[];
}

/** @returns an estimate, rather too wide, of a text's width in the usual sans-serif fonts, px. */
export function textWidth(text: string, size: number, isBold = false): number {
  let ems = 0;
  for (const character of text) {
    if (/[Iijl.,:;|!'()[\]{}· ]/.test(character)) ems += 0.38;
    else if (/[MWmw%@]/.test(character)) ems += 0.95;
    else if (/[a-z0-9µ_-]/.test(character)) ems += 0.61;
    else ems += /[A-Z]/.test(character) ? 0.7 : 1;
  }
  return ems * size * (isBold ? 1.1 : 1);
}

/** @returns a text that is at most `room` px wide, cut with an ellipsis where it must be. */
export function cutText(text: string, size: number, room: number): string {
  if (textWidth(text, size) <= room) return text;
  const characters = charactersOf(text);
  while (characters.length > 0 && textWidth(`${characters.join('')}…`, size) > room) characters.pop();
  return characters.length === 0 ? '' : `${characters.join('')}…`;
}

const nameOf = ({ box }: PlacedBox): string => plainText(box.phase);
const timeOf = ({ box }: PlacedBox): string => microseconds(box.endNs - box.startNs);

function insideOf(placed: PlacedBox, isLow: boolean): readonly Line[] {
  const room = placed.to - placed.from - (placed.opensLeft ? 6 : 2) - (placed.opensRight ? 4 : 0);
  const [name, time] = [nameOf(placed), timeOf(placed)];
  const named = { text: name, size: NAME_SIZE, isBold: true };
  const timed = { text: time, size: SMALL_SIZE, isBold: false };
  const small = { ...named, size: LEAST_SIZE, isBold: false };
  const choices: readonly (readonly Line[])[] = isLow
    ? [[{ ...small, text: `${name} ${time}` }], [small]]
    : [[named, timed], [small, { ...timed, size: LEAST_SIZE }], [small]];
  return choices.find((lines) => lines.every(({ text, size, isBold }) => textWidth(text, size, isBold) <= room)) ?? [];
}

/** @returns the horizontal extent of a flag's text. */
export function flagExtent({ x, toLeft, text }: Pick<Flag, 'x' | 'toLeft' | 'text'>): readonly [number, number] {
  const width = textWidth(text, SMALL_SIZE);
  return toLeft ? [x - 3 - width, x] : [x, x + 3 + width];
}

/** A text must not meet another of its level nor the leader of one farther out, and its own leader no text nearer. */
function collides(a: Flag, b: Flag): boolean {
  const [aLeft, aRight] = flagExtent(a);
  const [bLeft, bRight] = flagExtent(b);
  if (a.level === b.level) return aLeft < bRight + GAP && bLeft < aRight + GAP;
  const [outer, [left, right]] = a.level > b.level ? [a, [bLeft, bRight]] : [b, [aLeft, aRight]];
  return outer.x > left - GAP / 2 && outer.x < right + GAP / 2;
}

/** As wide as any number gets. */
const ANY_NUMBER = '88';

/** @returns the number of a box as it stands in it; undefined where there is no room. */
export function numberIn({ from, to }: PlacedBox, number: number): Line | undefined {
  const text = String(number);
  const sizes = [
    { text, size: NAME_SIZE, isBold: true },
    { text, size: LEAST_SIZE, isBold: false },
  ];
  return sizes.find(({ size, isBold }) => textWidth(text, size, isBold) <= to - from);
}

function flagOf(
  placed: PlacedBox,
  texts: readonly string[],
  flags: readonly Flag[],
  { left, right }: { readonly left: number; readonly right: number },
): Flag | undefined {
  const x = (placed.from + placed.to) / 2;
  // To the left only where the picture ends: there a text lies across the leaders of those before it.
  for (const toLeft of [false, true]) {
    for (let level = 0; level < LEVELS; level++) {
      for (const text of texts) {
        const flag = { placed, text, x, toLeft, level, isNumber: text === ANY_NUMBER };
        const [from, to] = flagExtent(flag);
        if (from >= left && to <= right && !flags.some((other) => collides(flag, other))) return flag;
      }
    }
  }
  return undefined;
}

/**
 * Finds a place for the name of each box of a row. From right to left, so that a label that runs to the right of its
 * leader comes to lie over those after it, never across a leader.
 *
 * @param outside from where to where there is room for labels outside the row; null where there is none.
 * @param isLow whether its boxes have the height of one line only, as bars have in any row.
 */
export function labelRow(
  row: readonly PlacedBox[],
  outside: { readonly left: number; readonly right: number } | null,
  isLow: boolean,
): RowLabels {
  const inside = new Map<number, readonly Line[]>();
  const flags: Flag[] = [];
  const numbered: PlacedBox[] = [];
  for (const placed of [...row].reverse()) {
    const lines = insideOf(placed, isLow || placed.box.kind !== 'phase');
    inside.set(placed.index, lines);
    if (lines.length > 0) continue;
    const find = (...texts: readonly string[]): Flag | undefined =>
      outside === null ? undefined : flagOf(placed, texts, flags, outside);
    const flag = find(`${nameOf(placed)} ${timeOf(placed)}`, nameOf(placed));
    if (flag !== undefined) flags.push(flag);
    // Of bars there may be very many: those without room have their title only.
    if (flag !== undefined || placed.box.kind !== 'phase') continue;
    numbered.unshift(placed);
    const numberFlag = numberIn(placed, Number(ANY_NUMBER)) === undefined ? find(ANY_NUMBER) : undefined;
    if (numberFlag !== undefined) flags.push(numberFlag);
  }
  return { inside, flags, numbered };
}
