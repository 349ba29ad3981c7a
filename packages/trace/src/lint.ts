import type { TraceEvent } from './event.js';
import { KernelRules } from './lint-kernels.js';
import { LinkRules } from './lint-links.js';
import { type LintOptions, type LintProblem, LintReport } from './lint-rules.js';
import { TrackRules } from './lint-tracks.js';
import { readTraceBatches } from './reader.js';

function checkTimes({ ph, name, ts, dur }: TraceEvent, index: number, report: LintReport): void {
  if (ph === 'M') return;
  if (!Number.isInteger(ts) || ts! < 0)
    report.add('integer-times', index, () => `${name} (${ph}) has ts ${String(ts)}`);
  if (ph === 'X' && (!Number.isInteger(dur) || dur! < 0)) {
    report.add('integer-times', index, () => `${name} (${ph}) has dur ${String(dur)}`);
  }
}

/**
 * Checks a trace, ours or anybody's, against what viewers and analysers demand of one. Reads it once; keeps numbers
 * of slices, flows and kernels, some 100 bytes an event.
 *
 * @returns the problems in the order of events; none for a sound trace.
 * @throws BadInputError when the file is no trace at all.
 */
export async function lintTrace(path: string, options: LintOptions = {}): Promise<LintProblem[]> {
  const report = new LintReport(options);
  const tracks = new TrackRules();
  const links = new LinkRules();
  const kernels = new KernelRules();
  let metadata = '';
  let index = 0;
  const batches = readTraceBatches(path, {
    onMetadata: (text) => {
      metadata = text;
    },
  });
  for await (const batch of batches) {
    for (const event of batch) {
      checkTimes(event, index, report);
      tracks.add(event, index);
      links.add(event, index);
      kernels.add(event, index, report);
      index++;
    }
  }
  tracks.finish(report);
  links.finish(report);
  kernels.finish(report, metadata);
  return report.problems.sort((a, b) => a.index - b.index);
}
