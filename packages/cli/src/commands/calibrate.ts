import { writeFile } from 'node:fs/promises';
import { calibrate, calibrationText, checkOutFile } from '@epemu/calibration';
import { BadInputError, messageOf } from '@epemu/core';
import type { Command } from 'commander';

interface CalibrateFlags {
  readonly base: string;
  readonly model: string;
  readonly ranks?: string;
  readonly sequenceLength?: string;
  readonly kvLength?: string;
  readonly name?: string;
  readonly out?: string;
  readonly json?: boolean;
}

function positiveNumber(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new BadInputError(flag, `${flag} is ${text}; give a positive whole number`);
}

/** Drops what was not given, so that defaults hold. */
function given<Value>(key: string, value: Value | undefined): Record<string, Value> {
  return value === undefined ? {} : { [key]: value };
}

/** Writes the preset as a file that `--set hardware=` and `loadHardware` read. */
async function writePreset(path: string, preset: unknown): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(preset, null, 2)}\n`);
  } catch (cause) {
    const problem = `--out ${path} cannot be written: ${messageOf(cause)}`;
    throw new BadInputError('--out', `${problem}; name a file in a folder that exists`, { cause });
  }
}

/** Adds `epemu calibrate`. */
export function addCalibrateCommand(program: Command): void {
  program
    .command('calibrate')
    .description("fit a hardware preset's kernel rates to a PyTorch trace")
    .argument('<trace>', 'a PyTorch-profiler trace of one rank, or an emulated rank file, plain or gzip')
    .option('--base <preset>', 'hardware preset that the fitted rates replace: a name or a file', 'h800')
    .option('--model <preset>', 'model of the run: a name or a file', 'deepseek-v3')
    .option('--ranks <n>', "EP ranks (default: the trace's world size)")
    .option('--sequence-length <n>', 'tokens of a sequence (default: the micro-batch is one sequence)')
    .option('--kv-length <n>', 'tokens in the KV cache of a request, for the attention of decode')
    .option('--name <name>', "name of the new preset (default: the trace file's)")
    .option('--out <file>', 'write the preset as JSON')
    .option('--json', 'print preset, kinds and what was not placed as JSON')
    .addHelpText(
      'after',
      `
Kernels are placed by the phases that the trace annotates, such as mlp(B) or ATTN(1), on the kernel list of the phase;
elsewhere by name, with the shapes of the operator that launched them (record_shapes=True). What could not be placed is
listed with its time. docs/calibration.md says how rates are fitted and what a trace cannot tell.

Examples:
  epemu calibrate trace.json.gz
  epemu calibrate trace.json --ranks 64 --name my-cluster --out my-cluster.json
  epemu run train --set hardware=./my-cluster.json`,
    )
    .action(async (trace: string, flags: CalibrateFlags) => {
      // Before the work rather than after it.
      if (flags.out !== undefined) await checkOutFile(trace, flags.out);
      const calibration = await calibrate(trace, {
        base: flags.base,
        model: flags.model,
        ...given('ranks', positiveNumber(flags.ranks, '--ranks')),
        ...given('sequenceLength', positiveNumber(flags.sequenceLength, '--sequence-length')),
        ...given('kvLength', positiveNumber(flags.kvLength, '--kv-length')),
        ...given('name', flags.name),
      });
      const { preset, kinds } = calibration;
      if (flags.out !== undefined) {
        if (kinds.length === 0) {
          const problem = `none of the kernels of ${trace} could be placed, so --out ${flags.out} would hold nothing new`;
          throw new BadInputError('--out', `${problem}; leave --out away to see why`);
        }
        await writePreset(flags.out, preset);
      }
      process.stdout.write(
        flags.json === true ? `${JSON.stringify(calibration, null, 1)}\n` : calibrationText(calibration),
      );
    });
}
