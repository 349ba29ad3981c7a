import { RunFigures } from '@epemu/analysis';
import type { FigureReport } from '@epemu/analysis';
import { nodeCount, placedExperts } from '@epemu/config';
import { ProgramFacts } from '@epemu/timeline';
import type { TimedRun } from './in-memory.js';

/** @returns the figures that the report of such a run has. */
export function figuresOf({ configuration, program, timelines }: TimedRun): FigureReport {
  const { ranks, hardware } = configuration;
  const facts = new ProgramFacts(program, nodeCount(configuration));
  const figures = new RunFigures({ facts, ranks, experts: placedExperts(configuration), nodeSize: hardware.nodeSize });
  for (const timeline of timelines) figures.add(timeline);
  return figures.result();
}
