import { GOLDEN, hash32, InvariantError, mix32 } from '@epemu/core';
import type { InitialiseTask } from './tasks.js';
import { symmetricUnit } from './weights.js';

const KIND_TAG: Readonly<Record<InitialiseTask['kind'], number>> = { activation: 0x61637476, gradient: 0x67726164 };

/** Fills `output` as {@link InitialiseTask} says. @throws InvariantError when it holds no whole tokens. */
export function initialise(hidden: number, task: InitialiseTask): void {
  const { output, firstToken } = task;
  const tokens = output.length / hidden;
  if (!Number.isInteger(tokens)) throw new InvariantError(`${output.length} values are no tokens of ${hidden}`);
  const base = hash32(KIND_TAG[task.kind], task.seed);
  for (let token = 0; token < tokens; token++) {
    let counter = mix32(base + Math.imul(firstToken + token, GOLDEN)) | 0;
    for (let i = token * hidden; i < (token + 1) * hidden; i++) {
      output[i] = symmetricUnit(mix32(counter));
      counter = (counter + GOLDEN) | 0;
    }
  }
}
