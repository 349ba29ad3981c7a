import { BadInputError } from '@epemu/core';

/** @returns a whole number within bounds. @throws BadInputError naming the flag. */
export function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || text.trim() === '' || value < least || value > most) {
    throw new BadInputError(flag, `${flag} is ${text}, but it must be a whole number from ${least} to ${most}`);
  }
  return value;
}
