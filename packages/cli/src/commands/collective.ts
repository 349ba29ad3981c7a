import { parseScalar } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { runCollective } from '@epemu/experiments';
import type { CollectiveFigures, CollectiveOptions, CollectiveResult } from '@epemu/experiments';
import { ERAS } from '@epemu/presets';
import type { Command } from 'commander';
import { addBandwidthFlags, bandwidthSettings } from '../options.js';

interface CollectiveFlags {
  readonly mode: string;
  readonly ranks?: string;
  readonly tokens?: string;
  readonly nodes?: string;
  readonly hidden?: string;
  readonly topK?: string;
  readonly experts?: string;
  readonly sms?: string;
  readonly era?: string;
  readonly router: string;
  readonly model?: string;
  readonly hardware?: string;
  readonly seed?: string;
  readonly slowest?: boolean;
  readonly json?: boolean;
}

/** Ranks where none are named: a size that DeepEP's tables have. */
const DEFAULT_RANKS = { normal: 64, 'low-latency': 128 } as const;

function chosen<T extends string>(value: string, allowed: readonly T[], flag: string): T {
  const found = allowed.find((name) => name === value);
  if (found === undefined) throw new BadInputError(flag, `${flag} is ${value}; use one of ${allowed.join(', ')}`);
  return found;
}

function wholeNumber(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const value = parseScalar(text);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new BadInputError(flag, `${flag} is ${text}; give a whole number`);
}

function optionsFrom(flags: CollectiveFlags): CollectiveOptions {
  const mode = chosen(flags.mode, ['normal', 'low-latency'] as const, '--mode');
  const { EPEMU_ERA, EPEMU_MODEL, EPEMU_HARDWARE, EPEMU_SEED } = process.env;
  const era = flags.era ?? EPEMU_ERA;
  return {
    mode,
    ranks: wholeNumber(flags.ranks, '--ranks') ?? (flags.nodes === undefined ? DEFAULT_RANKS[mode] : undefined),
    nodes: wholeNumber(flags.nodes, '--nodes'),
    tokens: wholeNumber(flags.tokens, '--tokens'),
    hidden: wholeNumber(flags.hidden, '--hidden'),
    topK: wholeNumber(flags.topK, '--top-k'),
    experts: wholeNumber(flags.experts, '--experts'),
    sms: wholeNumber(flags.sms, '--sms'),
    era: era === undefined ? undefined : chosen(era, ERAS, flags.era === undefined ? 'EPEMU_ERA' : '--era'),
    router: chosen(flags.router, ['deepep', 'model'] as const, '--router'),
    model: flags.model ?? EPEMU_MODEL,
    hardware: flags.hardware ?? EPEMU_HARDWARE,
    settings: bandwidthSettings({ ...flags }),
    slowest: flags.slowest,
    seed: wholeNumber(flags.seed ?? EPEMU_SEED, flags.seed === undefined ? 'EPEMU_SEED' : '--seed'),
  };
}

/** The text of `epemu collective`. */
export function collectiveText(result: CollectiveResult): string {
  const { mode, ranks, nodes, hardware, tokens, hidden, topK, sms, era, nodesPerToken, ranksPerToken } = result;
  const line = (name: string, { us, gbps, bytes }: CollectiveFigures): string =>
    `${name.padEnd(9)} ${us.toFixed(1).padStart(9)} µs ${gbps.toFixed(1).padStart(7)} GB/s  (${(bytes / 1e6).toFixed(2)} MB a rank)`;
  return [
    `${mode}, EP${ranks} on ${nodes} ${nodes === 1 ? 'node' : 'nodes'} of ${hardware}, ${tokens} tokens a rank, hidden ${hidden}, ` +
      `top-${topK}${sms === 0 ? '' : `, ${sms} SMs`}, kernels of ${era}`,
    `a token goes to ${nodesPerToken.toFixed(2)} nodes and ${ranksPerToken.toFixed(2)} ranks`,
    line('dispatch', result.dispatch),
    line('combine', result.combine),
    `timed: ${result.boundary}`,
    '',
  ].join('\n');
}

/** Adds `epemu collective`. */
export function addCollectiveCommand(program: Command): void {
  const command = program
    .command('collective')
    .description("time one dispatch and one combine alone, as DeepEP's own tests do")
    .option('--mode <mode>', 'normal (training, prefilling) or low-latency (decoding)', 'normal')
    .option('--ranks <n>', 'EP ranks (default: normal 64, low-latency 128)')
    .option('--nodes <n>', 'whole nodes of the hardware, in place of --ranks')
    .option('--tokens <n>', 'tokens a rank (default: normal 4096, low-latency 128)')
    .option('--hidden <n>', "values a token (default: the model's)")
    .option('--top-k <n>', "experts a token goes to (default: the model's)")
    .option('--experts <n>', 'experts of the model (default: 256, or as many below as divide by the ranks)')
    .option('--sms <n>', 'SMs of the normal-mode kernels (default 24)')
    .option('--era <era>', "feb25, apr25, jun25 or sep25: generation of DeepEP's kernels (default: the hardware's)")
    .option('--router <router>', "deepep: as DeepEP's test of the mode routes, or model: the model's router", 'deepep')
    .option('--model <name>', 'model preset or file')
    .option('--hardware <name>', 'hardware preset or file')
    .option('--seed <n>', 'seed of the routing')
    .option('--slowest', 'end times with the rank that ends last, not with the mean rank')
    .option('--json', 'print the figures as JSON')
    .addHelpText(
      'after',
      `
GB/s are logical, as DeepEP counts them: in normal mode every distinct (token, node) pair, the own node's included;
on one node every token received; in low-latency mode every (token, expert) pair. Times end when the mean rank is done;
--json also has those of the transfer kernels alone, which tables of measured kernels give.
EPEMU_HARDWARE, EPEMU_MODEL, EPEMU_ERA and EPEMU_SEED stand for flags that are not given.

Examples:
  epemu collective                                 normal mode, EP64
  epemu collective --mode low-latency --ranks 32 --era jun25
  epemu collective --ranks 16 --sms 20 --tokens 8192 --json
  epemu collective --hardware h100 --nodes 2 --nic-gbps 100 --slowest`,
    )
    .action(async (flags: CollectiveFlags) => {
      const result = await runCollective(optionsFrom(flags));
      process.stdout.write(flags.json === true ? `${JSON.stringify(result, null, 1)}\n` : collectiveText(result));
    });
  addBandwidthFlags(command);
}
