import type { ProgramFacts } from '@epemu/timeline';
import { STATEMENT, programMetadata } from '@epemu/trace';
import type { RunDescription } from '@epemu/trace';
import type { RankSet } from './model.js';

/** @returns what is known of a run's ranks, as its trace files would say it. */
export function runSet(run: RunDescription, facts: ProgramFacts): RankSet {
  const { scenario, ranks, nodeSize, gpuName, deviceProperties, computeSms, communicationSms, configuration } = run;
  const { layerMarker, operations } = programMetadata(facts);
  const { numSms } = deviceProperties;
  return {
    identities: facts.identities,
    facts: {
      scenario,
      worldSize: ranks,
      nodeSize,
      gpuName,
      gpuSms: typeof numSms === 'number' ? numSms : undefined,
      computeSms,
      communicationSms,
      layerMarker,
      operations: operations.map(({ id, phase, layer, gates, issue, transfer, stream }) => {
        return { id, phase, layer, gates, issue, transfer, stream: String(stream) };
      }),
      configuration,
      statement: run.statement ?? STATEMENT,
    },
    source: 'emulated',
    files: [],
    problems: [],
  };
}
