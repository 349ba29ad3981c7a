import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BadInputError, messageOf, isMapping } from '@epemu/core';
import type { PipelineSchedule, UnitTimes } from '@epemu/pipelines';

const KINDS = ['F', 'B', 'input', 'W', 'FB'] as const;

/** What is read of a report. */
interface ReadReport {
  readonly schedule: string;
  readonly groupSize: number;
  readonly layersOfStage: number;
  readonly cellUs: Readonly<Record<(typeof KINDS)[number], number | null>>;
}

/** @returns what a report says of its pipeline; undefined where it is of none. */
function readReport(json: unknown): ReadReport | undefined {
  if (!isMapping(json) || !isMapping(json['pipeline'])) return undefined;
  const { schedule, groupSize, stages, cellUs } = json['pipeline'];
  const { layers } = json;
  if (typeof schedule !== 'string' || typeof groupSize !== 'number' || !isMapping(cellUs)) return undefined;
  if (typeof layers !== 'number' || typeof stages !== 'number') return undefined;
  const time = (kind: (typeof KINDS)[number]): number | null => {
    const us = cellUs[kind];
    return typeof us === 'number' && us > 0 ? us : null;
  };
  const [F, B, input, W, FB] = KINDS.map(time);
  return { schedule, groupSize, layersOfStage: layers / stages, cellUs: { F, B, input, W, FB } };
}

/** Times of cells that a run of a pipeline measured, ms, and what is to be said of them. */
export interface MeasuredCells {
  readonly unit: UnitTimes;
  readonly note: string;
}

/** Whether a text names a file or folder instead of times. */
export function isPath(text: string): boolean {
  return !text.includes('=') || existsSync(text);
}

function refuse(message: string): never {
  throw new BadInputError('--unit', message);
}

/** What of its cells a schedule cannot do without. */
function needs(schedule: PipelineSchedule): readonly ('W' | 'FB')[] {
  if (schedule === 'zb1p') return ['W'];
  return schedule === 'dualpipe' || schedule === 'dualpipev' ? ['W', 'FB'] : [];
}

/**
 * @returns the mean times of cells in a run's report, from its folder or the file itself.
 * @throws BadInputError where it is no report of a pipeline, or has no cells of a kind that the schedule needs.
 */
export function measuredCells(path: string, schedule: PipelineSchedule): MeasuredCells {
  const named = `--unit names ${path}`;
  if (!existsSync(path)) {
    refuse(`${named}, which there is not; name a run's folder, or give times such as F=1,B=2,W=1,FB=3`);
  }
  const file = statSync(path).isDirectory() ? join(path, 'report.json') : path;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    refuse(`${named}, whose report cannot be read (${messageOf(error)}); name the folder of a run`);
  }
  const report = readReport(json);
  if (report === undefined) refuse(`${named}, whose report is not of a pipeline; run epemu run pipeline first`);
  const { F, B, input, W, FB } = report.cellUs;
  const whole = B ?? (input === null || W === null ? null : input + W);
  const missing = needs(schedule).find((kind) => report.cellUs[kind] === null);
  if (missing !== undefined || F === null || whole === null) {
    const kind = missing ?? (F === null ? 'F' : 'B');
    refuse(`${named}, a run of ${report.schedule} that has no cells ${kind}; name one of ${schedule}`);
  }
  const ms = (us: number): number => Number((us / 1000).toFixed(4));
  // Schedules that do not need a time never use it.
  const unit = { F: ms(F), B: ms(whole), W: ms(W ?? whole / 2), FB: ms(FB ?? F + whole) };
  const { layersOfStage } = report;
  const note =
    `Cells, in ms, are the mean ones of ${file}: ${report.schedule} with EP groups of ${report.groupSize}, ` +
    `${layersOfStage} ${layersOfStage === 1 ? 'layer' : 'layers'} a stage. No rank beside these was emulated.\n`;
  return { unit, note };
}
