import type { PointFigures, PointRow, Score } from '@epemu/experiments';
import { isBetter } from '@epemu/experiments';
import type { Configuration } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { outlineReport } from '@epemu/outputs';
import { figureOf } from '../check/figures.js';
import { checkRequirement } from '../check/outcome.js';
import type { Requirement } from '../check/requirement.js';
import { parseRequirement } from '../check/requirement.js';
import { unitOfPath } from '../check/units.js';
import type { Unit } from '../check/units.js';
import type { Objective, SweepDefinition } from './definition.js';

/** A point with what it is judged by. */
export interface JudgedRow extends PointRow {
  /** Of the objective; undefined of a point that failed. */
  readonly value: number | undefined;
  /** Whether it fits into memory and keeps within all limits. */
  readonly allowed: boolean;
  /** How far it is beyond memory and limits in all, as a share of them: where a search has to go. */
  readonly beyond: number;
  /** Why not: `does not fit into memory`, `tpot<=50ms does not hold`. */
  readonly why: string;
}

/** A sweep whose points are all there. */
export interface JudgedSweep {
  readonly definition: SweepDefinition;
  readonly rows: readonly JudgedRow[];
  /** Undefined where no point is allowed. */
  readonly best: JudgedRow | undefined;
  /** Where the objective stands in a report. */
  readonly path: string;
  readonly unit: Unit | undefined;
}

/** Does something whose errors are about `--require`, and tells them as another flag's. */
function renamed<T>(flag: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof BadInputError)) throw error;
    throw new BadInputError(flag, error.message.replaceAll('--require', flag), { cause: error });
  }
}

function objectiveRequirement({ figure }: Objective): Requirement {
  return { ...parseRequirement(`${figure}>0`), text: figure };
}

/** The objective's figure of a point. @throws BadInputError where there is none such. */
function objectiveFigure(figures: PointFigures, objective: Objective): { path: string; value: number } {
  const flag = `--${objective.direction}`;
  const found = renamed(flag, () => figureOf({ name: 'a point', json: figures }, objectiveRequirement(objective)));
  const value = found?.values[0];
  if (found?.values.length === 1 && typeof value === 'number') return { path: found.path, value };
  const what = `${flag} ${objective.figure} is not one number`;
  throw new BadInputError(flag, `${what}; give a figure such as layer or throughput`);
}

/** Judges points by an objective and limits. */
export class Judge {
  readonly #definition: Pick<SweepDefinition, 'objective' | 'under'>;

  constructor(definition: Pick<SweepDefinition, 'objective' | 'under'>) {
    this.#definition = definition;
  }

  /** Finds out before anything is emulated whether objective and limits ask for figures that there are. @throws BadInputError */
  check(configuration: Configuration): void {
    const { timeline, steady, phases, notifyPctOfComm, throughput, memory } = outlineReport(configuration);
    const json = { timeline, steady, phases, notifyPctOfComm, throughput, memory };
    const { objective, under } = this.#definition;
    const asked = [
      { flag: `--${objective.direction}`, requirement: objectiveRequirement(objective) },
      ...under.map((requirement) => ({ flag: '--under', requirement })),
    ];
    for (const { flag, requirement } of asked) {
      renamed(flag, () => checkRequirement({ name: 'a point', json, isOutline: true }, requirement));
    }
  }

  /** @throws BadInputError where objective or a limit asks for what points have not. */
  judge(row: PointRow): JudgedRow {
    const { figures } = row;
    if (figures === undefined) {
      return { ...row, value: undefined, allowed: false, beyond: Number.POSITIVE_INFINITY, why: row.error ?? 'failed' };
    }
    const { objective, under } = this.#definition;
    const { value } = objectiveFigure(figures, objective);
    const { memory } = figures;
    const failing = under.flatMap((requirement) => this.#failing(figures, requirement));
    const [why, shares] = [failing.map(({ text }) => text), failing.map(({ share }) => share)];
    if (memory.fits === false) {
      why.unshift('does not fit into memory');
      shares.push(memory.gigabytes.total / memory.gigabytes.capacity! - 1);
    }
    const beyond = shares.reduce((sum, share) => sum + share, 0);
    return { ...row, value, allowed: why.length === 0, beyond, why: why.join(', ') };
  }

  /** What does not hold, and by what share of its bound. */
  #failing(figures: PointFigures, requirement: Requirement): { readonly text: string; readonly share: number }[] {
    const outcome = renamed('--under', () => checkRequirement({ name: 'a point', json: figures }, requirement));
    if (outcome?.holds === true) return [];
    const [value, bound] = [Number(outcome?.value), Number(outcome?.bound)];
    const share = Math.abs(value - bound) / Math.abs(bound);
    return [{ text: `not ${requirement.text}`, share: Number.isFinite(share) ? share : 1 }];
  }

  /** @returns how good a judged point is. */
  score({ value, allowed, beyond }: JudgedRow): Score {
    if (value === undefined || !allowed) return { allowed: false, value: beyond };
    return { allowed, value: this.#definition.objective.direction === 'minimize' ? value : -value };
  }

  /** @returns all points judged, and the best of them. */
  judgeAll(definition: SweepDefinition, rows: readonly PointRow[]): JudgedSweep {
    const judged = rows.map((row) => this.judge(row));
    const allowed = judged.filter((row) => row.allowed);
    const best = allowed.reduce<JudgedRow | undefined>(
      (found, row) => (found === undefined || isBetter(this.score(row), this.score(found)) ? row : found),
      undefined,
    );
    const some = judged.find(({ figures }) => figures !== undefined)?.figures;
    const path = some === undefined ? definition.objective.figure : objectiveFigure(some, definition.objective).path;
    return { definition, rows: judged, best, path, unit: unitOfPath(path.split('.')) };
  }
}
