import { isDeepStrictEqual } from 'node:util';
import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { publishedData } from './load.js';
import { ASPECTS } from './schema.js';
import type { Aspect, RunMeasure } from './schema.js';

/**
 * What of a configuration each aspect is. Left out are what the emulator makes of them (rates of kernels and transfers,
 * jitter: a figure is there to judge these), the seed, and all that moves no virtual time.
 */
const OF_ASPECT: Readonly<Record<Aspect, (configuration: Configuration) => unknown>> = {
  // A preset calibrated on the same GPU is judged by the same figures.
  machine: (configuration) => {
    const { hardware, slowRanks, slowNodes, slowNics, slowLinks, stalls, jitterTail } = configuration;
    const unequal = [slowRanks, slowNodes, slowNics, slowLinks, stalls, jitterTail];
    return [hardware.gpu.name, hardware.gpu.sms, hardware.nodeSize, ...unequal];
  },
  network: ({ hardware, era }) => [hardware.ports, era],
  // DeepSeek-R1 has the sizes of DeepSeek-V3.
  model: ({ model }) => ({ ...model, name: undefined, description: undefined, sources: undefined }),
  schedule: ({ family, overlap, pipelineCommunication, schedule, kernels }) => {
    return [family, overlap, pipelineCommunication, schedule, kernels];
  },
  work: (configuration) => {
    const { family, tokensPerMicrobatch, promptLengths, kvLength, steps, schedule } = configuration;
    const { rankTokens, rankPrompts, kvLengths, kvSpread } = configuration;
    const uneven = [rankTokens, rankPrompts, kvLengths, kvSpread];
    const readsCache = family === 'inference' && promptLengths === undefined;
    return [
      tokensPerMicrobatch,
      promptLengths,
      steps,
      schedule.microBatches,
      readsCache ? kvLength : undefined,
      uneven,
    ];
  },
  ranks: ({ ranks }) => ranks,
  layers: ({ layers }) => layers,
  routing: ({ routing, eplb, redundantExperts }) => [routing, eplb, redundantExperts],
};

const bases = new Map<string, Configuration>();

/** @returns the configuration under which a figure of a run was published; see `runs` in the data. */
export function publishedConfiguration(run: string): Configuration {
  let base = bases.get(run);
  if (base === undefined) {
    const { scenario, flags } = publishedData().runs[run];
    // As cheap as runs get: these two move no virtual time.
    base = resolveConfiguration({ scenario, flags: { ...flags, fabric: 'memory', payload: { kind: 'none' } } });
    bases.set(run, base);
  }
  return base;
}

/** @returns whether a figure of a run is one of a run of this configuration, which may differ in what is `free`. */
export function appliesTo(configuration: Configuration, measure: RunMeasure): boolean {
  const base = publishedConfiguration(measure.run);
  return ASPECTS.filter((aspect) => !measure.free.includes(aspect)).every((aspect) =>
    isDeepStrictEqual(OF_ASPECT[aspect](configuration), OF_ASPECT[aspect](base)),
  );
}
