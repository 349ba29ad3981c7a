import { BadInputError } from '@epemu/core';
import { shown } from '../explain.js';

/** Loads of experts as serving engines count them: rows or tokens, one list a layer. */
interface ExpertLoads {
  /** The file they are from. */
  readonly source: string;
  readonly layers: readonly (readonly number[])[];
}

/** Loads of a file, and where in it each layer stands. */
export interface LoadsFile extends ExpertLoads {
  /** @returns the line of a layer's loads. */
  readonly lineOf: (layer: number) => number;
}

/** @throws BadInputError naming file and line. */
export function refuse(path: string, line: number, problem: string): never {
  throw new BadInputError('expertLoads', `${path}, line ${line}: ${problem}`);
}

/** @returns what a load must not be, undefined where it may be that. */
export function fault(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return 'is missing';
  if (typeof value === 'number' && value >= 0 && value < Infinity) return undefined;
  return `is ${typeof value === 'string' ? value : shown(value)}`;
}

export function refuseLoad(
  path: string,
  line: number,
  at: { layer: number | string; expert: number | string },
  problem: string,
): never {
  refuse(path, line, `the load of layer ${at.layer}, expert ${at.expert} ${problem}; give a number of 0 or more`);
}
