import { BadInputError } from '@epemu/core';
import { PIPELINE_SCHEDULES, closedForm, pipelineOrder, stageCount, timePipeline } from '@epemu/pipelines';
import type { PipelineSchedule, PipelineSize, UnitTimes } from '@epemu/pipelines';
import { Option } from 'commander';
import type { Command } from 'commander';
import { pictureOptions } from './analysis-text.js';
import { flagOf } from './flag-names.js';
import { isPath, measuredCells } from './measured-cells.js';
import { pipelineChart } from './pipeline-chart.js';
import { plainTable } from './plain-table.js';
import { refuseFlagsOf, refuseRanks } from './refuse-flags.js';
import { wholeNumber } from './whole-number.js';

/** The scenario's name. */
export const PIPELINE = 'pipeline';

/** Flags of `epemu run pipeline`; numbers as texts. */
export interface PipelineFlags {
  readonly schedule?: PipelineSchedule;
  readonly pp?: string;
  readonly ep?: string;
  readonly microBatches?: string;
  readonly chunks?: string;
  readonly unit?: string;
}

/** Names of these flags as commander keeps them, with what is typed. */
const NAMES: Readonly<Record<keyof PipelineFlags, string>> = {
  schedule: '--schedule',
  pp: '--pp',
  ep: '--ep',
  microBatches: '--micro-batches',
  chunks: '--chunks',
  unit: '--unit',
};

const DEFAULTS = { schedule: 'dualpipe', pp: '8', ep: '8', microBatches: '20', chunks: '2' } as const;
const MOST_RANKS = 1024;
const MOST_MICRO_BATCHES = 100_000;
const MOST_CHUNKS = 64;
/** Charts of more ranks or cells say less than their figures. */
const MOST_CELLS_DRAWN = 4000;

/** Adds the flags of `epemu run pipeline`. */
export function addPipelineFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--schedule <name>', 'pipeline: its schedule (default dualpipe)').choices([...PIPELINE_SCHEDULES]),
    )
    .option('--pp <n>', 'pipeline: ranks that the stages are shared out to (default 8)')
    .option('--ep <n>', 'pipeline: GPUs of each of these ranks, an EP group of its own (default 8)')
    .option(
      '--micro-batches <n>',
      'pipeline: micro-batches of the step (default 20); afd: 2 or 3 under way (default 2)',
    )
    .option('--chunks <n>', 'pipeline: stages of a rank in interleaved-1f1b (default 2)')
    .option(
      '--unit <times>',
      'pipeline: emulate nothing, and time its cells in units: a forward F, a backward B, its part for weights W, a pair FB; or the folder of a run, whose cells it takes',
    );
}

/** @throws BadInputError where one of these flags stands beside another scenario, which it would do nothing in. */
export function refusePipelineFlags(flags: PipelineFlags, scenario: string): void {
  // Attention–FFN disaggregation has micro-batches of its own.
  const given = scenario === 'afd' ? { ...flags, microBatches: undefined } : flags;
  refuseFlagsOf({ scenario: PIPELINE, flags: NAMES }, given, scenario);
}

/** @throws BadInputError where a flag of emulated runs stands beside the pipeline's. */
function refuseOtherFlags(command: Command): void {
  const own = [...Object.keys(NAMES).filter((key) => key !== 'ep'), 'json'];
  const typed = Object.keys(command.opts()).filter((key) => command.getOptionValueSource(key) === 'cli');
  const other = typed.find((key) => !own.includes(key));
  if (other === undefined) return;
  const flag = flagOf(other);
  const message = `${flag} does nothing in a pipeline that is timed in units; remove it`;
  throw new BadInputError(flag, message);
}

/** @throws BadInputError naming the time that is wrong. */
function unitTimes(text: string): UnitTimes {
  const form = 'give the times of its cells, such as --unit F=1,B=2,W=1,FB=3';
  const times = new Map<string, number>();
  for (const part of text.split(',')) {
    const [name, value = ''] = part.split('=').map((word) => word.trim());
    const time = Number(value);
    if (!['F', 'B', 'W', 'FB'].includes(name) || times.has(name)) {
      throw new BadInputError('--unit', `--unit has ${part.trim()}, but it names F, B, W and FB once each; ${form}`);
    }
    if (value === '' || !Number.isFinite(time) || time <= 0 || time > 1e9) {
      throw new BadInputError('--unit', `--unit has ${name}=${value}, but a time is above 0 and at most 1e9; ${form}`);
    }
    times.set(name, time);
  }
  const missing = ['F', 'B', 'W', 'FB'].find((name) => !times.has(name));
  if (missing !== undefined) throw new BadInputError('--unit', `--unit lacks ${missing}; ${form}`);
  const [F, B, W, FB] = ['F', 'B', 'W', 'FB'].map((name) => times.get(name)!);
  if (W >= B) {
    throw new BadInputError('--unit', `--unit has W=${W}, but it is a part of the backward, B=${B}; give less`);
  }
  if (FB < Math.max(F, B)) {
    const most = Math.max(F, B);
    throw new BadInputError(
      '--unit',
      `--unit has FB=${FB}, but a pair takes as long as its longer chunk, ${most}; give more`,
    );
  }
  return { F, B, W, FB };
}

function sizeOf(flags: PipelineFlags): PipelineSize {
  const schedule = flags.schedule ?? DEFAULTS.schedule;
  if (flags.chunks !== undefined && schedule !== 'interleaved-1f1b') {
    throw new BadInputError('--chunks', `--chunks is of interleaved-1f1b and does nothing in ${schedule}; remove it`);
  }
  return {
    schedule,
    ranks: wholeNumber('--pp', flags.pp ?? DEFAULTS.pp, 2, MOST_RANKS),
    microBatches: wholeNumber('--micro-batches', flags.microBatches ?? DEFAULTS.microBatches, 1, MOST_MICRO_BATCHES),
    chunks:
      schedule === 'interleaved-1f1b' ? wholeNumber('--chunks', flags.chunks ?? DEFAULTS.chunks, 2, MOST_CHUNKS) : 1,
  };
}

/** Times that are sums of what was typed, without the last digits of binary fractions. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

/** What flags of an emulated pipeline set: keys of the configuration, and texts of `--set`. */
export interface PipelineSources {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly settings: readonly string[];
}

/** @returns what the flags of an emulated pipeline set. @throws BadInputError naming the flag that is wrong. */
export function pipelineSources(flags: PipelineFlags & Readonly<Record<string, unknown>>): PipelineSources {
  refuseRanks(flags, 'a pipeline has --pp times --ep of them');
  const { schedule, ranks, microBatches, chunks } = sizeOf(flags);
  const groupSize = wholeNumber('--ep', flags.ep ?? DEFAULTS.ep, 1, MOST_RANKS);
  const pipeline = { schedule, ranks, chunks };
  // One layer a stage, where nothing else is said.
  const layers = process.env['EPEMU_LAYERS'] === undefined ? { layers: stageCount(pipeline) } : {};
  return {
    flags: { ...layers, ranks: ranks * groupSize, pipeline },
    settings: [`schedule.microBatches=${microBatches}`],
  };
}

/** Runs `epemu run pipeline --unit …`: times its cells in units and prints their chart, bubbles and memory. */
export function runPipeline(command: Command, output: NodeJS.WriteStream): void {
  refuseOtherFlags(command);
  const flags = command.opts<PipelineFlags & { readonly json?: boolean }>();
  const text = flags.unit!;
  const size = sizeOf(flags);
  const { unit, note } = isPath(text) ? measuredCells(text, size.schedule) : { unit: unitTimes(text), note: '' };
  const order = pipelineOrder(size);
  const times = timePipeline(order, unit);
  const published = closedForm(size, unit);
  const bubbles = times.bubbles.map(rounded);
  const makespan = rounded(times.makespan);
  if (flags.json === true) {
    const { schedule, ranks, microBatches } = size;
    const { activations } = times;
    const cells = times.cells.map((own) =>
      own.map(({ cell, start, end }) => ({ start: rounded(start), end: rounded(end), parts: cell })),
    );
    const found = { schedule, ranks, stages: order.stages, microBatches, unit, makespan, bubbles, activations };
    const json = { ...found, parameters: order.stagesOfRank, published, cells };
    output.write(`${JSON.stringify(json)}\n`);
    return;
  }
  const drawn = times.cells.reduce((sum, own) => sum + own.length, 0) <= MOST_CELLS_DRAWN;
  const chart = drawn ? `${pipelineChart(order, times, pictureOptions(output))}\n` : '';
  const rows = bubbles.map((bubble, rank) => [
    ...[String(rank), String(bubble), `${((100 * bubble) / makespan).toFixed(1)} %`],
    ...[String(times.activations[rank]), String(order.stagesOfRank)],
  ]);
  const table = plainTable(['rank', 'bubble', 'of the step', 'activations', 'parameters'], rows, [0, 1, 2, 3, 4]);
  const most = Math.max(...bubbles);
  output.write(
    `${size.schedule}, ${size.ranks} ranks, ${order.stages} stages, ${size.microBatches} micro-batches, F ${unit.F}, B ${unit.B}, ` +
      `W ${unit.W}, F&B ${unit.FB}\n\n${chart}${table}\n\n` +
      `The step takes ${makespan}; the largest bubble is ${most}, published ${published.formula} = ${rounded(published.bubble)} ` +
      `(${published.source}).\nActivations are micro-batches’ chunks held at once (published: ${published.activations}); ` +
      `parameters are stages held.\n${note}`,
  );
}
