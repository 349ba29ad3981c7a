import { EventRules } from './lint-events.js';
import { KernelRules } from './lint-kernels.js';
import { LinkRules } from './lint-links.js';
import { type LintOptions, type LintProblem, LintReport } from './lint-rules.js';
import { TrackRules } from './lint-tracks.js';
import type { TraceEvent } from './event.js';
import { readTraceBatches } from './reader.js';

const MAXIMUM_EVENTS = 5_000_000;

/** Rules that compare events with each other: they keep numbers of each. */
class ComparingRules {
  readonly #tracks = new TrackRules();
  readonly #links = new LinkRules();
  readonly #kernels = new KernelRules();

  add(event: TraceEvent, index: number): void {
    this.#tracks.add(event, index);
    this.#links.add(event, index);
    this.#kernels.add(event, index);
  }

  /** @param events how many there are. */
  finish(report: LintReport, metadata: string, events: number): void {
    const boundTo = new Float64Array(events).fill(Number.NaN);
    this.#tracks.finish(report, boundTo);
    this.#links.finish(report, boundTo);
    this.#kernels.finish(report, metadata);
  }
}

/**
 * Checks a trace, ours or anybody's, against what viewers and analysers demand of one. Reads it once, in memory that is
 * bounded: rules that compare events are left out of traces with more of them than `maximumEvents`.
 *
 * @returns the problems in the order of events; none for a sound trace.
 * @throws BadInputError when the file is no trace at all; DamagedTraceError when it cannot be read to its end.
 */
export async function lintTrace(path: string, options: LintOptions = {}): Promise<LintProblem[]> {
  const { maximumEvents = MAXIMUM_EVENTS } = options;
  const report = new LintReport(options);
  const single = new EventRules();
  let comparing: ComparingRules | undefined = new ComparingRules();
  let metadata = '{}';
  let index = 0;
  const onMetadata = (text: string): void => {
    metadata = text;
  };
  for await (const batch of readTraceBatches(path, { onMetadata })) {
    for (const event of batch) {
      single.add(event, index, report);
      if (index >= maximumEvents) comparing = undefined;
      comparing?.add(event, index);
      index++;
    }
  }
  if (index > maximumEvents) report.add('viewer-size', -1, () => `the file has ${index} events`);
  single.finish(report, metadata);
  comparing?.finish(report, metadata, index);
  return report.problems.sort((a, b) => a.index - b.index);
}
