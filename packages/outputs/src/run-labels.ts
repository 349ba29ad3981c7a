import type { Configuration } from '@epemu/config';
import type { LabelsOf } from '@epemu/metrics';

/** @returns how a run is told from others. */
export function runLabels(runId: string, configuration: Configuration): LabelsOf<'runInfo'> {
  const { scenario, model, hardware, routing, overlap, fabric } = configuration;
  return { run: runId, scenario, model: model.name, hardware: hardware.name, routing, overlap, fabric };
}
