import { RunFigures } from '@epemu/analysis';
import type { FigureReport } from '@epemu/analysis';
import { nodeCount } from '@epemu/config';
import { ProgramFacts } from '@epemu/timeline';
import type { InMemoryRun } from './in-memory.js';

/** @returns the figures that the report of such a run has. */
export function figuresOf({ configuration, program, timelines }: InMemoryRun): FigureReport {
  const { ranks, model, hardware } = configuration;
  const facts = new ProgramFacts(program, nodeCount(configuration));
  const figures = new RunFigures({ facts, ranks, experts: model.experts, nodeSize: hardware.nodeSize });
  for (const timeline of timelines) figures.add(timeline);
  return figures.result();
}
