import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { afdPoint, afdScenario, bestPoint, shapeErrorPct } from '@epemu/experiments';
import type { AfdPoint, AfdSize } from '@epemu/experiments';
import { loadModel } from '@epemu/presets';
import type { Command } from 'commander';
import { flagOf } from './flag-names.js';
import { configurationFlags, settingsOf } from './options.js';
import { plainTable } from './plain-table.js';
import { refuseFlagsOf, refuseRanks } from './refuse-flags.js';
import { wholeNumber } from './whole-number.js';

/** The scenario's name: attention–FFN disaggregation. */
export const AFD = 'afd';

/** Flags of `epemu run afd`; numbers as texts. */
export interface AfdFlags {
  readonly attention?: string;
  readonly ffn?: string;
  readonly ratios?: string;
  readonly microBatches?: string;
}

const NAMES = { attention: '--attention', ffn: '--ffn', ratios: '--ratios' } as const;
const DEFAULTS = { attention: '20', ffn: '4', microBatches: '2' } as const;
const DEFAULT_MODEL = 'qwen3-235b-a22b';
const MOST_RANKS = 4096;

/** Adds the flags of `epemu run afd`. */
export function addAfdFlags(command: Command): Command {
  return command
    .option('--attention <n>', 'afd: ranks that attend (default 20)')
    .option('--ffn <n>', 'afd: ranks that hold the experts (default 4)')
    .option('--ratios <a,b,…>', 'afd: attention ranks for each rank with experts, one run each, and which is best');
}

/** @throws BadInputError where one of these flags stands beside another scenario, which it would do nothing in. */
export function refuseAfdFlags(flags: AfdFlags, scenario: string): void {
  refuseFlagsOf({ scenario: AFD, flags: NAMES }, flags, scenario);
}

function microBatchesOf(flags: AfdFlags): number {
  const microBatches = wholeNumber('--micro-batches', flags.microBatches ?? DEFAULTS.microBatches, 1, 3);
  if (microBatches > 1) return microBatches;
  const problem = '--micro-batches is 1, but then one side is idle while the other works';
  throw new BadInputError('--micro-batches', `${problem}; use 2 or 3`);
}

function configurationOf(size: AfdSize, flags: AfdFlags & Readonly<Record<string, unknown>>): Configuration {
  refuseRanks(flags, 'afd has --attention and --ffn ranks');
  const { EPEMU_MODEL } = process.env;
  const model = typeof flags['model'] === 'string' ? flags['model'] : (EPEMU_MODEL ?? DEFAULT_MODEL);
  const settings = settingsOf(flags);
  const kvPrecision = settings.includes('kvPrecision=bf16') ? 'bf16' : (flags['kvPrecision'] ?? 'fp8');
  return resolveConfiguration({
    scenario: afdScenario(size, loadModel(model), kvPrecision),
    environment: process.env,
    flags: configurationFlags(flags),
    settings,
  });
}

/** @returns the configuration of `epemu run afd`. @throws BadInputError naming the flag that is wrong. */
export function afdConfiguration(flags: AfdFlags & Readonly<Record<string, unknown>>): Configuration {
  const attention = wholeNumber('--attention', flags.attention ?? DEFAULTS.attention, 1, MOST_RANKS);
  const ffn = wholeNumber('--ffn', flags.ffn ?? DEFAULTS.ffn, 1, MOST_RANKS);
  return configurationOf({ attention, ffn, microBatches: microBatchesOf(flags) }, flags);
}

/** @throws BadInputError where a ratio is none, or gives no whole number of ranks. */
function ratiosOf(text: string, ffn: number): number[] {
  return text.split(',').map((part) => {
    const ratio = Number(part);
    if (part.trim() !== '' && ratio > 0 && Number.isInteger(ratio * ffn)) return ratio;
    const problem = `--ratios has ${part.trim()}, but ${ffn} times it must be a whole number of attention ranks`;
    throw new BadInputError('--ratios', `${problem}; use ratios such as 4,5,6`);
  });
}

/** What a sweep says of its best ratio, and of the others. */
function sweepText(points: readonly AfdPoint[], best: AfdPoint): string {
  const bounds = {
    attention: 'attention works all the time and the experts’ side waits for it: more attention ranks would feed it',
    experts: 'the experts’ side works all the time: attention ranks wait for it, more of them add nothing',
    transfers:
      'both sides wait for what is under way between them: a dead zone, in which ranks added to either side help little',
  } as const;
  const kinds = [...new Set(points.map(({ boundBy }) => boundBy))];
  const said = kinds.map((kind) => {
    const ratios = points.filter(({ boundBy }) => boundBy === kind).map(({ ratio }) => String(ratio));
    return `A:F ${ratios.join(', ')}: ${bounds[kind]}.`;
  });
  return [`The best is A:F ${best.ratio}, ${best.tokensPerSecondPerGpu.toFixed(0)} tokens/s/GPU.`, ...said].join('\n');
}

/** Runs `epemu run afd --ratios …`: each ratio in this process, without outputs. */
export async function runAfdSweep(
  flags: AfdFlags & Readonly<Record<string, unknown>>,
  output: NodeJS.WriteStream,
): Promise<void> {
  if (flags.attention !== undefined) {
    throw new BadInputError('--attention', '--attention is given with --ratios, which say it; give one of them');
  }
  const refused = ['out', 'force', 'dryRun', 'maxBatch', 'serve', 'metrics', 'require'].find(
    (key) => flags[key] !== undefined,
  );
  if (refused !== undefined) {
    const flag = flagOf(refused);
    throw new BadInputError(flag, `${flag} does nothing in a sweep, which writes no outputs; remove it`);
  }
  const ffn = wholeNumber('--ffn', flags.ffn ?? DEFAULTS.ffn, 1, MOST_RANKS);
  const microBatches = microBatchesOf(flags);
  const sizes = ratiosOf(flags.ratios!, ffn).map((ratio) => ({ attention: ratio * ffn, ffn, microBatches }));
  // Before the first of them runs, so that what is refused has started nothing.
  const configurations = sizes.map((size) => configurationOf(size, { payload: 'none', layers: '5', ...flags }));
  const points: AfdPoint[] = [];
  for (const [index, { attention }] of sizes.entries()) {
    points.push(await afdPoint(configurations[index], attention, ffn));
  }
  const best = bestPoint(points);
  const [{ model, hardware, kvLength }] = configurations;
  const isPublished =
    model.name === DEFAULT_MODEL && hardware.name === 'gb200-nvl72' && kvLength === 16384 && ffn === 4;
  const errors = points.map((point) => (isPublished ? shapeErrorPct(point, best) : undefined));
  if (flags['json'] === true) {
    const found = points.map((point, i) => ({ ...point, shapeErrorPct: errors[i] ?? null }));
    output.write(`${JSON.stringify({ points: found, best: best.ratio })}\n`);
    return;
  }
  const head = [
    'A:F',
    'attention',
    'experts',
    'layer',
    'TPOT',
    'tokens/s/GPU',
    'attention busy',
    'experts busy',
    'bound by',
  ];
  const rows = points.map((point, i) => [
    ...[String(point.ratio), String(point.attention), String(point.ffn), `${point.layerUs.toFixed(1)} µs`],
    ...[`${point.tpotMs.toFixed(1)} ms`, `${point.tokensPerSecondPerGpu.toFixed(0)}${point === best ? ' *' : ''}`],
    ...[`${point.attentionBusyPct.toFixed(0)} %`, `${point.ffnBusyPct.toFixed(0)} %`, point.boundBy],
    ...(isPublished ? [errors[i] === undefined ? '' : `${errors[i] > 0 ? '+' : ''}${errors[i].toFixed(0)} %`] : []),
  ]);
  const columns = [...head, ...(isPublished ? ['shape error'] : [])];
  const note = isPublished
    ? 'Shape error: tokens/s/GPU over the best ratio’s, against a published sweep (its best is 5) over its best.\n'
    : '';
  output.write(`${plainTable(columns, rows, [0, 1, 2, 3, 4, 5, 6, 7, 9])}\n\n${sweepText(points, best)}\n${note}`);
}
