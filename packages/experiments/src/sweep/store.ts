import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { Configuration } from '@epemu/config';
import { EPEMU_VERSION } from '@epemu/core';
import type { PointFigures } from '../points/point.js';

/** A point of a sweep and what became of it. */
export interface PointRow {
  /** A value of each axis. */
  readonly values: readonly string[];
  /** Undefined of a point that failed. */
  readonly figures?: PointFigures;
  readonly error?: string;
}

/** @returns a text that is the same for what is emulated alike by this version. */
export function pointId(configuration: Configuration): string {
  return createHash('sha256').update(EPEMU_VERSION).update(JSON.stringify(configuration)).digest('hex').slice(0, 32);
}

/** Points that were emulated before, by what they are of: a line of JSON each, written as soon as there is one. */
export class PointStore {
  readonly #path: string | undefined;
  readonly #known = new Map<string, PointFigures>();

  /** @param path where they are; undefined to keep none. */
  constructor(path: string | undefined) {
    this.#path = path;
    if (path === undefined || !existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) this.#take(line);
  }

  /** A line whose writer was killed within it is no line. */
  #take(line: string): void {
    try {
      const { id, figures } = JSON.parse(line) as { id?: unknown; figures?: PointFigures };
      if (typeof id === 'string' && figures?.throughput !== undefined) this.#known.set(id, figures);
    } catch {
      // It is emulated again.
    }
  }

  get count(): number {
    return this.#known.size;
  }

  figures(id: string): PointFigures | undefined {
    return this.#known.get(id);
  }

  /** Keeps what a point came to. */
  add(id: string, figures: PointFigures): void {
    this.#known.set(id, figures);
    // The break comes first: behind a line that was cut off it makes the next one whole.
    if (this.#path !== undefined) appendFileSync(this.#path, `\n${JSON.stringify({ id, figures })}`);
  }
}
