import { readFileSync } from 'node:fs';
import { InvariantError } from '@epemu/core';
import { DATA_SCHEMA } from './schema.js';
import type { Measure, PublishedData, PublishedFigure } from './schema.js';

const FILE = new URL('../data/figures.json', import.meta.url);

let loaded: PublishedData | undefined;

/**
 * @returns the published figures that emulated ones are compared with: copied from their sources, each with the split
 * into fitted and held-out. Read once.
 */
export function publishedData(): PublishedData {
  loaded ??= DATA_SCHEMA.parse(JSON.parse(readFileSync(FILE, 'utf8')));
  return loaded;
}

/** @returns all figures with a measure of a kind, and the measure's place among the figure's. */
export function measuresBy<By extends Measure['by']>(
  by: By,
): { figure: PublishedFigure; index: number; measure: Extract<Measure, { by: By }> }[] {
  return publishedData().figures.flatMap((figure) =>
    (figure.measures ?? []).flatMap((measure, index) => (isBy(measure, by) ? [{ figure, index, measure }] : [])),
  );
}

function isBy<By extends Measure['by']>(measure: Measure, by: By): measure is Extract<Measure, { by: By }> {
  return measure.by === by;
}

/** @returns the id of the row that a figure's measure of that index makes. */
export function rowId({ id, measures }: PublishedFigure, index: number): string {
  const part = measures?.[index].part;
  return part === undefined ? id : `${id}.${part}`;
}

/** @returns the ids of all rows that there are to compare, in the order of the data. */
export function rowIds(): string[] {
  return publishedData().figures.flatMap((figure) => (figure.measures ?? []).map((_, index) => rowId(figure, index)));
}

/**
 * @returns the published value that a figure's measure of that index is compared with: a number, or several words as
 * one text.
 * @throws InvariantError where the figure has none.
 */
export function publishedValue({ id, value, measures }: PublishedFigure, index: number): number | string {
  if (typeof value === 'number' || typeof value === 'string') return value;
  if (Array.isArray(value)) {
    // Words are one value, in order; numbers are one a measure.
    const words = value.filter((each) => typeof each === 'string');
    if (words.length > 0) return words.join(' ');
    const number = value[index];
    if (typeof number === 'number' && measures?.[index].part !== undefined) return number;
  }
  throw new InvariantError(`the published figure ${id} has no value for its measure ${index}`);
}
