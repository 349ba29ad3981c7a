import { BadInputError } from '@epemu/core';
import type { Configuration } from '../configuration.js';
import { memoryOf } from './memory.js';
import type { MemoryUse } from './memory.js';

/** The largest batch of a GPU that fits. */
export interface LargestBatch {
  /** What is counted: tokens of a micro-batch, or prompts of the mean length of those given. */
  readonly unit: 'tokensPerMicrobatch' | 'prompts';
  /** 0 where not even one fits. */
  readonly batch: number;
  /** Tokens of each prompt; absent where tokens are counted. */
  readonly promptTokens?: number;
  /** With that batch, or with one where none fits. */
  readonly memory: MemoryUse;
}

/** As many as a configuration may have. */
const MOST_TOKENS = 1_048_576;
const MOST_PROMPTS = 4096;

/**
 * Looks for the largest batch by halving: all that grows with a batch grows with all of it.
 * @throws BadInputError where the hardware preset does not say how much memory there is.
 */
export function largestBatch(configuration: Configuration): LargestBatch {
  // A batch that all ranks have.
  const alike = { ...configuration };
  delete alike.rankTokens;
  delete alike.rankPrompts;
  const { hardware, promptLengths } = alike;
  if (hardware.memoryGB === undefined) {
    const problem = `the hardware preset ${hardware.name} has no memoryGB, so that nothing is known to fit`;
    throw new BadInputError('hardware.memoryGB', `${problem}; add it to the preset`);
  }
  const mean = promptLengths?.length
    ? promptLengths.reduce((sum, length) => sum + length, 0) / promptLengths.length
    : 0;
  const promptTokens = Math.max(1, Math.round(mean));
  const withBatch = (batch: number): MemoryUse =>
    memoryOf(
      promptLengths === undefined
        ? { ...alike, tokensPerMicrobatch: batch }
        : { ...alike, promptLengths: Array.from({ length: batch }, () => promptTokens) },
    );
  let [fits, tooMany] = [0, (promptLengths === undefined ? MOST_TOKENS : MOST_PROMPTS) + 1];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (withBatch(middle).fits === true) fits = middle;
    else tooMany = middle;
  }
  return {
    unit: promptLengths === undefined ? 'tokensPerMicrobatch' : 'prompts',
    batch: fits,
    ...(promptLengths === undefined ? {} : { promptTokens }),
    memory: withBatch(Math.max(1, fits)),
  };
}
