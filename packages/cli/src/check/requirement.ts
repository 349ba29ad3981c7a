import { BadInputError } from '@epemu/core';
import { UNIT_NAMES, unitNamed } from './units.js';
import type { Unit } from './units.js';

const OPERATORS = ['<=', '>=', '==', '!=', '<', '>'] as const;
export type Operator = (typeof OPERATORS)[number];

/** What a figure must be. */
export interface Requirement {
  /** As the user wrote it. */
  readonly text: string;
  /** A short name, or the keys that lead to the figure. */
  readonly name: string;
  readonly operator: Operator;
  readonly bound: Bound;
}

/** A number, in the figure's own unit where it has none; or a word, for figures that are none. */
export type Bound =
  | { readonly kind: 'number'; readonly value: number; readonly unit: Unit | undefined }
  | { readonly kind: 'word'; readonly value: string };

const FORM = /^\s*(?<name>[^<>=!]+?)\s*(?<operator>[<>=!]+)\s*(?<bound>[^\s<>=!].*?)\s*$/;
const NUMBER = /^(?<value>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)\s*(?<unit>\D*)$/i;
const EXAMPLE = "write a figure, an operator and a number, such as 'steady.exposedCommPct<=5' or 'layer<=35ms'";

function boundOf(text: string, bound: string, operator: Operator): Bound {
  const found = NUMBER.exec(bound)?.groups;
  if (found !== undefined) {
    const unit = unitNamed(found['unit'] ?? '');
    if (unit === undefined && found['unit'] !== '') {
      const problem = `--require ${text} has the unknown unit ${found['unit'] ?? ''}`;
      throw new BadInputError('--require', `${problem}; use one of ${UNIT_NAMES.join(', ')}, or none`);
    }
    return { kind: 'number', value: Number(found['value']), unit };
  }
  if (/^[a-z][\w.-]*$/i.test(bound) && (operator === '==' || operator === '!=')) return { kind: 'word', value: bound };
  throw new BadInputError('--require', `--require ${text} has ${bound} where a number stands; ${EXAMPLE}`);
}

/** @returns what a `--require` asks for. @throws BadInputError where it is none. */
export function parseRequirement(text: string): Requirement {
  const found = FORM.exec(text)?.groups;
  const operator = OPERATORS.find((each) => each === found?.['operator']);
  if (found === undefined) throw new BadInputError('--require', `--require ${text} is no requirement; ${EXAMPLE}`);
  if (operator === undefined) {
    const problem = `--require ${text} has the unknown operator ${found['operator'] ?? ''}`;
    throw new BadInputError('--require', `${problem}; use one of ${OPERATORS.join(', ')}`);
  }
  return { text, name: found['name'] ?? '', operator, bound: boundOf(text, found['bound'] ?? '', operator) };
}

/** @returns whether a value is on the right side of a bound. */
export function holds(value: number | string | boolean, operator: Operator, bound: number | string): boolean {
  switch (operator) {
    case '<=':
      return value <= bound;
    case '>=':
      return value >= bound;
    case '<':
      return value < bound;
    case '>':
      return value > bound;
    case '==':
      return String(value) === String(bound);
    case '!=':
      return String(value) !== String(bound);
  }
}
