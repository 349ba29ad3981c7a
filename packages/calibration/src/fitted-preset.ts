import { BadInputError } from '@epemu/core';
import { parseHardware } from '@epemu/presets';
import type { HardwarePreset, KernelRate } from '@epemu/presets';
import { fitKind, predictedNs } from './fit/fit-kind.js';
import type { Observation } from './fit/observation.js';
import { measuredShare, sharePoints } from './memory-share.js';
import type { BesideCompute } from './place-by-phase.js';
import type { PlacedKernel } from './placement.js';
import type { TracedRun } from './traced-run.js';

/** A kind's fitted rate beside the base preset's. */
export interface KindFit {
  readonly kind: string;
  readonly count: number;
  /** What its kernels took. */
  readonly totalUs: number;
  readonly rate: KernelRate;
  /** Relative standard deviation of measured times around the fit. */
  readonly spread: number;
  /** What the fitted rate and the base's give for the same kernels. */
  readonly fittedUs: number;
  readonly baseUs: number;
  /** Of the fitted time from the base's, in percent of the latter. */
  readonly differencePct: number;
}

/** What a preset is made of. */
export interface PresetParts {
  readonly base: HardwarePreset;
  readonly run: TracedRun;
  readonly placed: readonly PlacedKernel[];
  readonly beside: readonly BesideCompute[];
  readonly name: string;
  /** The trace, for the sources. */
  readonly file: string;
}

/** What fitting makes of placed kernels. */
export interface FittedPreset {
  readonly preset: HardwarePreset;
  readonly kinds: readonly KindFit[];
  /** Kinds whose kernels no rate of a preset fits, as those that did no work in their time; the base's stay. */
  readonly unfitted: ReadonlySet<string>;
}

function byKind(placed: readonly PlacedKernel[]): Map<string, Observation[]> {
  const kinds = new Map<string, Observation[]>();
  for (const { kind, shape, sms, ns } of placed) {
    const list = kinds.get(kind);
    if (list === undefined) kinds.set(kind, [{ shape, sms, ns }]);
    else list.push({ shape, sms, ns });
  }
  return kinds;
}

/** Whether presets may be so: numbers that are finite and within their bounds. */
function isPreset(hardware: HardwarePreset): boolean {
  try {
    parseHardware(hardware, hardware.name);
    return true;
  } catch (error) {
    if (error instanceof BadInputError) return false;
    throw error;
  }
}

/** The trace's GPU where the trace describes it. */
function gpuOf(base: HardwarePreset, { trace, split }: TracedRun): HardwarePreset['gpu'] {
  const { deviceProperties } = trace;
  if (Object.keys(deviceProperties).length === 0) return base.gpu;
  const { name } = deviceProperties;
  const isNamed = typeof name === 'string' && name.trim() !== '';
  // In containers ROCm names no GPU. It is the base's where it has as many SMs, and else another one.
  const otherwise = split.gpuSms === base.gpu.sms ? base.gpu.name : `unknown GPU of ${split.gpuSms} SMs`;
  return { name: isNamed ? name : otherwise, sms: split.gpuSms, deviceProperties };
}

function kindFit(
  base: HardwarePreset,
  preset: HardwarePreset,
  kind: string,
  observations: readonly Observation[],
): KindFit {
  const rate = preset.kernels[kind];
  const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / 1000;
  const fittedUs = total(predictedNs(preset, rate, observations));
  const baseUs = total(predictedNs(base, base.kernels[kind], observations));
  return {
    kind,
    count: observations.length,
    totalUs: total(observations.map(({ ns }) => ns)),
    rate,
    spread: rate.spread ?? 0,
    fittedUs,
    baseUs,
    differencePct: (100 * (fittedUs - baseUs)) / baseUs,
  };
}

/** Puts fitted rates, and what else a trace tells, into the base preset. */
export function fittedPreset(parts: PresetParts): FittedPreset {
  const { base, run, placed, beside, name, file } = parts;
  const observations = byKind(placed);
  const gpu = gpuOf(base, run);
  const fullRate: HardwarePreset = {
    ...base,
    gpu,
    memoryShare: sharePoints(base.memoryShare, run.split.computeSms, undefined),
  };
  const kernels = { ...base.kernels };
  const unfitted = new Set<string>();
  for (const [kind, list] of observations) {
    const rate = fitKind(fullRate, kind, list, file);
    if (isPreset({ ...base, kernels: { [kind]: rate } })) kernels[kind] = rate;
    else unfitted.add(kind);
  }
  for (const kind of unfitted) observations.delete(kind);
  let measured = measuredShare(run, beside, { ...fullRate, kernels });
  if (!isPreset({ ...fullRate, memoryShare: sharePoints(base.memoryShare, run.split.computeSms, measured) })) {
    measured = undefined;
  }
  const sources: Record<string, string> = { ...base.sources };
  const bases = { ...base.bases };
  if (gpu !== base.gpu) {
    sources['gpu'] = `deviceProperties of ${file}`;
    bases['gpu'] = 'measured';
  }
  if (measured !== undefined) {
    const { sms, share, count } = measured;
    sources['memoryShare'] = `${file}: ${count} kernels of collectives keep ${share} of their rate on ${sms} SMs`;
    bases['memoryShare'] = 'measured';
  }
  const json = {
    ...fullRate,
    name,
    description: `${base.name} with the kernel rates of ${file}`,
    memoryShare: sharePoints(base.memoryShare, run.split.computeSms, measured),
    sources,
    bases,
    kernels,
  };
  const preset = parseHardware(json, name);
  const kinds = [...observations].map(([kind, list]) => kindFit(base, preset, kind, list));
  kinds.sort((a, b) => b.totalUs - a.totalUs || (a.kind < b.kind ? -1 : 1));
  return { preset, kinds, unfitted };
}
