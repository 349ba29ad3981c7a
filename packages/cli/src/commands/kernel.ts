import { BadInputError } from '@epemu/core';
import { SIZE_FLAGS, timeKernel, timedKinds } from '@epemu/experiments';
import type { KernelResult, KernelSize, KernelSizes } from '@epemu/experiments';
import { Argument } from 'commander';
import type { Command } from 'commander';
import { plainTable } from '../plain-table.js';
import { wholeNumber } from '../whole-number.js';

type SizeFlags = Readonly<Partial<Record<KernelSize, string>>>;

interface KernelFlags extends SizeFlags {
  readonly hardware?: string;
  readonly list?: boolean;
  readonly json?: boolean;
}

/** Times stay exact whole numbers of ns at sizes up to these. */
const MOST_SIZE = 1e6;
const MOST_BYTES = 1e12;
/** Of one rank. */
const MOST_EXPERTS = 256;
const DEFAULT_KIND = 'gemm-fp8';

const WHAT: Readonly<Record<KernelSize, string>> = {
  m: 'rows of a product; of experts-context tokens of all ranks',
  n: 'columns of a product',
  k: 'what a product sums over',
  rowsPerExpert: "rows of each of a rank's experts, such as 3,5,0,128",
  heads: 'query heads',
  batch: 'sequences',
  length: 'tokens of a sequence; in decode those that are cached',
  bytes: 'bytes read and written',
};

function rowsPerExpert(text: string): number[] {
  const flag = SIZE_FLAGS.rowsPerExpert;
  const rows = text.split(',').map((each) => wholeNumber(flag, each, 0, MOST_SIZE));
  if (rows.length <= MOST_EXPERTS && 256 % rows.length === 0 && rows.some((each) => each > 0)) return rows;
  const problem = rows.some((each) => each > 0) ? `has ${rows.length} experts` : 'has no rows';
  throw new BadInputError(flag, `${flag} ${problem}; give rows for 1, 2, 4, … or ${MOST_EXPERTS} experts, some not 0`);
}

function sizesFrom(flags: KernelFlags): Partial<KernelSizes> {
  const sizes: Partial<Record<KernelSize, number | number[]>> = {};
  for (const [size, flag] of Object.entries(SIZE_FLAGS) as [KernelSize, string][]) {
    const text = flags[size];
    if (text === undefined) continue;
    sizes[size] =
      size === 'rowsPerExpert'
        ? rowsPerExpert(text)
        : wholeNumber(flag, text, 1, size === 'bytes' ? MOST_BYTES : MOST_SIZE);
  }
  return sizes as Partial<KernelSizes>;
}

function sizeText(size: string, value: number | readonly number[]): string {
  return `${SIZE_FLAGS[size as KernelSize].slice(2)} ${typeof value === 'number' ? value : value.join(',')}`;
}

/** The text of `epemu kernel`. */
function kernelText({ kind, hardware, sizes, us, bound, rooflinePct, parts }: KernelResult): string {
  const of = Object.entries(sizes).map(([size, value]) => sizeText(size, value));
  const lines = [
    `${kind} on ${hardware}, ${of.join(', ')}`,
    `${us.toFixed(1)} µs, mostly ${bound}, ${rooflinePct.toFixed(1)} % of what the data sheet allows`,
  ];
  if (parts.length > 1) {
    const cells = parts.map((part) => [part.kind, `${part.us.toFixed(1)} µs`, part.bound]);
    lines.push('', plainTable(['kernel', 'alone', 'mostly'], cells, [1]));
  }
  return `${lines.join('\n')}\n`;
}

function listText(): string {
  const rows = Object.entries(timedKinds()).map(([kind, { about, defaults }]) => {
    const sizes = Object.keys(defaults).map((size) => SIZE_FLAGS[size as KernelSize]);
    return [kind, sizes.join(' '), about];
  });
  return `${plainTable(['kind', 'sizes', 'what it is'], rows)}\n`;
}

/** Adds `epemu kernel`. */
export function addKernelCommand(program: Command): void {
  const command = program
    .command('kernel')
    .description('time one kernel alone: how long it takes, what binds it, how near the data sheet it comes')
    .addArgument(new Argument('[kind]', `a kind that --list has (default: ${DEFAULT_KIND})`))
    .option('--list', 'list the kinds with their sizes');
  for (const [size, flag] of Object.entries(SIZE_FLAGS) as [KernelSize, string][]) {
    command.option(`${flag} <${size === 'rowsPerExpert' ? 'list' : 'n'}>`, WHAT[size]);
  }
  command
    .option('--hardware <name>', 'hardware preset or file (default: h800)')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
A kernel is mostly compute, memory, tiles (SMs that its tiles leave idle, or latency) or launch (its floor). Its time is
from kernel to kernel of a captured graph. Sizes that are not given are those of DeepSeek-V3. EPEMU_HARDWARE stands for
--hardware.

Examples:
  epemu kernel                                                  an FP8 product of decode
  epemu kernel gemm-bf16 --m 4096 --n 7168 --k 2048 --hardware b200
  epemu kernel grouped-gemm-fp8 --rows-per-expert 3,5,0,128 --n 4096 --k 7168
  epemu kernel attention-decode --heads 128 --batch 64 --length 8192 --json`,
    )
    .action((kind: string | undefined, flags: KernelFlags) => {
      if (flags.list === true) {
        process.stdout.write(listText());
        return;
      }
      const hardware = flags.hardware ?? process.env['EPEMU_HARDWARE'];
      const result = timeKernel(kind ?? DEFAULT_KIND, sizesFrom(flags), hardware);
      process.stdout.write(flags.json === true ? `${JSON.stringify(result, null, 1)}\n` : kernelText(result));
    });
}
