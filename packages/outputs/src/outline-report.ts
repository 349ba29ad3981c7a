import { RunFigures } from '@epemu/analysis';
import { placedExperts } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { emptyNumerics } from '@epemu/rank';
import { buildProgram } from '@epemu/schedule';
import { ProgramFacts } from '@epemu/timeline';
import { buildReport, linkTraffic } from './report.js';
import type { Report } from './report.js';

/** @returns the report that a run will have, its figures and lists yet without what they hold: which keys there will be. */
export function outlineReport(configuration: Configuration): Report {
  const { ranks } = configuration;
  const facts = new ProgramFacts(buildProgram(configuration), 1);
  return buildReport({
    configuration,
    digest: '',
    figures: new RunFigures({ facts, ranks, experts: placedExperts(configuration) }).result(),
    traffic: { ...linkTraffic(configuration, []), wireMessages: 0, wireBytes: 0 },
    numerics: emptyNumerics(),
    host: {
      ...{ wallSeconds: 0, startupSeconds: 0, emulateSeconds: 0, mergeSeconds: 0, messagesPerSecond: 0 },
      ...{ peakRssBytes: 0, coordinatorPeakRssBytes: 0, wireFrames: 0, traceEvents: 0, traceBytesUnpacked: 0 },
      processes: 1,
    },
    finding: null,
  });
}
