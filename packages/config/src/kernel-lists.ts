import { BadInputError, isMapping } from '@epemu/core';
import { builtInKernelLists } from '@epemu/kernels';
import type { ModelPreset } from '@epemu/presets';
import { closest, shown } from './explain.js';
import type { PlainObject } from './sources.js';

/** @returns the kernel lists that a schedule's phases name; whatever is wrong with the schedule is told later. */
function listsNamedBy(schedule: unknown): string[] {
  const phases = isMapping(schedule) && Array.isArray(schedule['phases']) ? (schedule['phases'] as unknown[]) : [];
  const names = phases
    .filter(isMapping)
    .flatMap((phase) => [phase['kernels'], phase['denseKernels']])
    .filter((name): name is string => typeof name === 'string');
  return [...new Set(names)];
}

/**
 * Kernel lists that the schedule's phases name: the file's own, else the built-in ones for the model.
 * @param ownSchedule the file's schedule, which another overlap may have replaced: its lists are no mistake.
 * @throws BadInputError where a list is neither named by a phase nor a built-in one: a misspelt name would be lost.
 */
export function kernelsFor(values: PlainObject, ownSchedule: unknown, model: ModelPreset): PlainObject {
  const own = values['kernels'];
  if (own !== undefined && !isMapping(own)) {
    throw new BadInputError('kernels', `kernels is ${shown(own)}, but it must be a mapping of lists by name`);
  }
  const builtIn = builtInKernelLists(model);
  const named = listsNamedBy(values['schedule']);
  const known = new Set([...Object.keys(builtIn), ...named, ...listsNamedBy(ownSchedule)]);
  const stray = Object.keys(own ?? {}).find((name) => !known.has(name));
  if (stray !== undefined) {
    const near = closest(stray, named);
    const remedy = near === undefined ? 'remove it or name one of them' : `did you mean ${near}?`;
    const message = `kernels.${stray} is named by no phase of the schedule, whose lists are ${named.join(', ')}; ${remedy}`;
    throw new BadInputError(`kernels.${stray}`, message);
  }
  return Object.fromEntries(Object.entries({ ...builtIn, ...own }).filter(([name]) => named.includes(name)));
}
