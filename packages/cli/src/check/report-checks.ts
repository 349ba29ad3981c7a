import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { BadInputError, EXIT_CODE, messageOf, touchFile } from '@epemu/core';
import type { Command } from 'commander';
import { checkText } from './check-text.js';
import type { FigureSource } from './figures.js';
import { githubText } from './github.js';
import { junitText } from './junit.js';
import { checkAll } from './outcome.js';
import type { CheckOutcome } from './outcome.js';
import { parseRequirement } from './requirement.js';
import type { Requirement } from './requirement.js';

/** Flags of commands that hold figures against requirements. */
export interface CheckFlags {
  readonly require?: readonly string[];
  readonly junit?: string;
  readonly github?: boolean;
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** Adds the options of requirements to a command. */
export function addCheckFlags(command: Command): Command {
  return command
    .option(
      '--require <figure>',
      "what a figure must be, such as 'layer<=35ms'; else exit code 5 (repeatable)",
      collect,
    )
    .option('--junit <file>', 'write the requirements as a JUnit report')
    .option('--github', "print GitHub's annotations of what does not hold");
}

function writing(path: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    const problem = `--junit ${path} cannot be written: ${messageOf(cause)}`;
    throw new BadInputError('--junit', `${problem}; name a file in a folder that exists and has room`, { cause });
  }
}

/** @returns the requirements of a command. @throws BadInputError where one is none, or the JUnit file cannot be written. */
export function requirementsOf({ require: texts = [], junit, github }: CheckFlags): Requirement[] {
  if (texts.length === 0 && (junit !== undefined || github === true)) {
    const flag = junit === undefined ? '--github' : '--junit';
    throw new BadInputError(flag, `${flag} is given without a requirement; add --require, such as 'layer<=35ms'`);
  }
  if (junit !== undefined) {
    const isNew = !existsSync(junit);
    writing(junit, () => {
      touchFile(junit);
      if (isNew) rmSync(junit);
    });
  }
  return texts.map(parseRequirement);
}

/**
 * Holds figures against requirements, prints each with its value and sets the exit code where one does not hold.
 * @param output where text goes; undefined where something else is printed as JSON.
 * @returns what became of each.
 */
export function reportChecks(
  source: FigureSource,
  requirements: readonly Requirement[],
  { junit, github }: CheckFlags,
  output: NodeJS.WritableStream | undefined,
): CheckOutcome[] {
  const outcomes = checkAll(source, requirements);
  output?.write(checkText(outcomes));
  if (junit !== undefined) {
    writing(junit, () => {
      writeFileSync(junit, junitText(source.name, outcomes));
    });
  }
  // Runners read both streams; JSON on standard output stays JSON.
  if (github === true) (output ?? process.stderr).write(githubText(source.name, outcomes));
  if (outcomes.some((outcome) => !outcome.holds)) process.exitCode ??= EXIT_CODE.requirement;
  return outcomes;
}
