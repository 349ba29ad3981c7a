import { largestBatch, memoryOf, memoryProblem, memoryText } from '@epemu/config';
import type { Configuration, LargestBatch } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import type { Command } from 'commander';

/** Flags of what must fit into a GPU. */
export interface MemoryFlags {
  readonly requireMemory?: boolean;
  readonly maxBatch?: boolean;
}

/** Adds the flag that refuses what does not fit. */
export function addRequireMemoryFlag(command: Command): Command {
  return command.option('--require-memory', "refuse a run whose model and batch do not fit into its GPUs' memory");
}

/**
 * @returns the one warning of a run that does not fit, a line; undefined where it fits.
 * @throws BadInputError where it does not fit although it must, or where nobody knows whether it does.
 */
export function memoryWarning(
  configuration: Configuration,
  { requireMemory = false }: MemoryFlags,
): string | undefined {
  const memory = memoryOf(configuration);
  if (requireMemory && memory.fits === null) {
    const problem = `the hardware preset ${configuration.hardware.name} has no memoryGB`;
    throw new BadInputError('--require-memory', `--require-memory is given, but ${problem}; add it to the preset`);
  }
  const problem = memoryProblem(memory);
  if (problem === undefined) return undefined;
  if (requireMemory) throw new BadInputError('--require-memory', `${problem} (--require-memory)`);
  return `epemu: warning: ${problem}; it is run all the same\n`;
}

/** The text of `run --max-batch`. */
function largestBatchText(configuration: Configuration, { unit, batch, promptTokens, memory }: LargestBatch): string {
  const { microBatches } = configuration.schedule;
  const what =
    unit === 'prompts'
      ? `${batch} prompts of ${String(promptTokens)} tokens on a GPU`
      : `${batch} tokens a micro-batch (--tokens-per-microbatch ${batch}), ${microBatches} micro-batches on a GPU`;
  const largest = batch === 0 ? `none: with the smallest there is, ${memoryProblem(memory) ?? ''}` : what;
  return `largest batch  ${largest}\nGPU memory     ${memoryText(memory)}\n`;
}

/** Prints the largest batch that fits, as text or JSON. @throws BadInputError where nobody knows what fits. */
export function printLargestBatch(configuration: Configuration, json: boolean): void {
  const largest = largestBatch(configuration);
  process.stdout.write(json ? `${JSON.stringify(largest, null, 1)}\n` : largestBatchText(configuration, largest));
}
