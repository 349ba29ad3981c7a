import { kernelDurationNs } from '@epemu/kernels';
import type { HardwarePreset } from '@epemu/presets';
import type { PhaseInstance } from './phase-instances.js';
import type { PlacedKernel } from './placement.js';

/** What the placed kernels of a phase take: measured, by the fitted rates, and by the base's. */
export interface PhaseFigures {
  readonly phase: string;
  /** How often it ran. */
  readonly count: number;
  readonly kernels: number;
  /** Means of one run of it. */
  readonly measuredUs: number;
  readonly fittedUs: number;
  readonly baseUs: number;
}

/** Sums up the placed kernels by phase, in the order in which phases first ran. */
export function phaseFigures(
  placed: readonly PlacedKernel[],
  instances: readonly PhaseInstance[],
  base: HardwarePreset,
  preset: HardwarePreset,
): PhaseFigures[] {
  const counts = new Map<string, number>();
  for (const { phase } of instances) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  const sums = new Map<string, { kernels: number; measured: number; fitted: number; base: number }>();
  for (const { phase, kind, shape, sms, ns } of placed) {
    if (phase === undefined) continue;
    const sum = sums.get(phase) ?? { kernels: 0, measured: 0, fitted: 0, base: 0 };
    sum.kernels++;
    sum.measured += ns;
    sum.fitted += kernelDurationNs(preset, preset.kernels[kind], shape, sms);
    sum.base += kernelDurationNs(base, base.kernels[kind], shape, sms);
    sums.set(phase, sum);
  }
  return [...sums].map(([phase, sum]) => {
    const count = counts.get(phase) ?? 1;
    const mean = (ns: number): number => ns / 1000 / count;
    const { kernels } = sum;
    return {
      phase,
      count,
      kernels,
      measuredUs: mean(sum.measured),
      fittedUs: mean(sum.fitted),
      baseUs: mean(sum.base),
    };
  });
}
