import { BadInputError } from '@epemu/core';
import { figureOf } from './figures.js';
import type { Figure, FigureSource, FigureValue } from './figures.js';
import { holds } from './requirement.js';
import type { Requirement } from './requirement.js';
import { figureText, unitOfPath } from './units.js';
import type { Unit } from './units.js';

/** A requirement and what became of it. */
export interface CheckOutcome {
  readonly requirement: string;
  /** Where the figure stands in the report. */
  readonly path: string;
  /** Of several the worst. */
  readonly value: FigureValue;
  /** The figure's own unit, where it has one; `bound` is in it too. */
  readonly unit: string | null;
  readonly operator: string;
  readonly bound: number | string;
  readonly holds: boolean;
  /** The same for people. */
  readonly valueText: string;
  readonly boundText: string;
}

/** The bound in the figure's own unit. @throws BadInputError where the two measure different things. */
function boundFor({ text, bound }: Requirement, { path }: Figure, unit: Unit | undefined): number | string {
  if (bound.kind === 'word' || bound.unit === undefined) return bound.value;
  if (unit?.dimension !== bound.unit.dimension) {
    const own = unit === undefined ? 'has no unit' : `is in ${unit.text}`;
    throw new BadInputError(
      '--require',
      `--require ${text} is in ${bound.unit.text}, but ${path} ${own}; write the number so`,
    );
  }
  // Powers of ten over each other: no digit of the number is lost to them.
  return Number(((bound.value * bound.unit.size) / unit.size).toPrecision(15));
}

/** @returns of several values the one that is farthest on the wrong side. */
function worst(values: readonly FigureValue[], requirement: Requirement, bound: number | string): FigureValue {
  const { operator } = requirement;
  const failing = values.filter((value) => !holds(value, operator, bound));
  const judged = failing.length > 0 ? failing : values;
  const sorted = [...judged].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return operator === '>=' || operator === '>' ? sorted[0] : sorted[sorted.length - 1];
}

function checkKinds({ text, bound, operator }: Requirement, { path, values }: Figure): void {
  const isNumber = values.every((value) => typeof value === 'number');
  if (isNumber === (bound.kind === 'number')) return;
  const what = isNumber ? 'is a number' : `is ${String(values[0])}, no number`;
  const remedy = isNumber ? 'give one' : `give a word with ${operator === '!=' ? '!=' : '=='}`;
  throw new BadInputError('--require', `--require ${text}: ${path} ${what}; ${remedy}`);
}

/** @returns what became of a requirement; undefined where an outline cannot tell. @throws BadInputError */
export function checkRequirement(source: FigureSource, requirement: Requirement): CheckOutcome | undefined {
  const figure = figureOf(source, requirement);
  if (figure === undefined) return undefined;
  checkKinds(requirement, figure);
  const unit = unitOfPath(figure.keys);
  const bound = boundFor(requirement, figure, unit);
  const value = worst(figure.values, requirement, bound);
  const text = (of: FigureValue): string => (typeof of === 'number' ? figureText(of, unit) : String(of));
  return {
    requirement: requirement.text,
    path: figure.path,
    value,
    unit: unit?.text ?? null,
    operator: requirement.operator,
    bound,
    holds: holds(value, requirement.operator, bound),
    valueText: text(value),
    boundText: text(bound),
  };
}

/** @returns what became of each requirement. @throws BadInputError where one asks for what there is not. */
export function checkAll(source: FigureSource, requirements: readonly Requirement[]): CheckOutcome[] {
  return requirements.flatMap((requirement) => checkRequirement(source, requirement) ?? []);
}
