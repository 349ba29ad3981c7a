import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { rankFileName } from '@epemu/outputs';
import type { Report } from '@epemu/outputs';
import { percentText, plainText, timeText } from '@epemu/pages';
import { DOWNLOADS } from './run-files.js';
import type { RunResult } from './state.js';

/** @returns the first sentence: there is room for one, and the report has them all. */
function firstSentence(text: string): string {
  return /^.+?\.(?=\s|$)/su.exec(text)?.[0] ?? text;
}

/** Six of a report's figures, as engineers read them. */
function figuresOf({ steady, throughput, numerics, host, ranks }: Report): RunResult['figures'] {
  const figures: { label: string; value: string; note: string }[] = [];
  const add = (label: string, value: string, note = ''): void => void figures.push({ label, value, note });
  if (steady !== null) {
    const { mean, min, max } = steady.layerUs;
    add('Layer time', timeText(mean), `${timeText(min)} to ${timeText(max)}`);
    add('Overlap', percentText(steady.overlapPct), 'of communication hidden');
    add('Exposed communication', timeText(steady.exposedCommUs), `${percentText(steady.exposedCommPct)} of the span`);
  }
  if (throughput !== null) {
    const { tokensPerSecondPerGpu, stepMs, tpotMs } = throughput;
    const step = tpotMs === undefined ? `step ${stepMs} ms` : `TPOT ${tpotMs} ms`;
    const perGpu = Math.round(tokensPerSecondPerGpu).toLocaleString('en');
    add('Throughput per GPU', `${perGpu} tokens/s`, `virtual; ${step}`);
  }
  const wrong = numerics.missing + numerics.duplicated + numerics.wrong;
  add('Tokens checked', numerics.tokensChecked.toLocaleString('en'), `${wrong} of them wrong`);
  add(
    'Host time',
    `${host.wallSeconds.toFixed(1)} s`,
    `${host.processes} process${host.processes === 1 ? '' : 'es'}, ${ranks} ranks`,
  );
  return figures;
}

/** @returns what came of a run: the files are those that its folder really holds. */
export function runResult(folder: string, report: Report): RunResult {
  const files = DOWNLOADS.flatMap((name) => {
    const bytes = statSync(join(folder, name), { throwIfNoEntry: false })?.size;
    return bytes === undefined ? [] : [{ name, bytes }];
  });
  const names = Array.from({ length: report.ranks }, (_, rank) => rankFileName(rank));
  return {
    status: report.status,
    error: report.error === undefined ? null : plainText(report.error),
    finding: report.finding === null ? null : plainText(firstSentence(report.finding)),
    digest: report.digest,
    figures: figuresOf(report),
    files,
    rankFiles: names.map((name) => (existsSync(join(folder, name)) ? name : null)),
    folder: plainText(folder),
  };
}
