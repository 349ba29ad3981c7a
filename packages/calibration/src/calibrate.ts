import { basename } from 'node:path';
import { builtInKernelLists } from '@epemu/kernels';
import { loadHardware, loadModel } from '@epemu/presets';
import type { HardwarePreset } from '@epemu/presets';
import { alone } from './alone.js';
import type { AttentionOptions } from './attention-pairs.js';
import { collectiveFigures } from './collective-figures.js';
import type { CollectiveFigures } from './collective-figures.js';
import { fittedPreset } from './fitted-preset.js';
import type { KindFit } from './fitted-preset.js';
import { ListedKernels } from './listed-kernels.js';
import { readOperators } from './operators.js';
import { phaseInstances } from './phase-instances.js';
import { phaseFigures } from './phase-figures.js';
import type { PhaseFigures } from './phase-figures.js';
import { PlaceByName } from './place-by-name.js';
import { placeByPhase } from './place-by-phase.js';
import type { PlacedByPhase } from './place-by-phase.js';
import { NotPlacedKernels } from './placement.js';
import type { NotPlaced, PlacedKernel } from './placement.js';
import { readTraceContent } from './read-trace.js';
import { checkExperts, ranksOf } from './ranks.js';
import { tracedRun } from './traced-run.js';
import type { TracedRun } from './traced-run.js';

/** What a calibration may be told. */
export interface CalibrationOptions extends AttentionOptions {
  /** Preset that the fitted rates go into: a name or a file; default h800. */
  readonly base?: string;
  /** Model preset of the run: a name or a file; default deepseek-v3. */
  readonly model?: string;
  /** EP ranks; default: the trace's world size, 1 where it has none. */
  readonly ranks?: number;
  /** Name of the new preset; default: the trace file's. */
  readonly name?: string;
}

/** What a calibration found. */
export interface Calibration {
  /** The base with the fitted rates. */
  readonly preset: HardwarePreset;
  readonly base: string;
  readonly model: string;
  readonly ranks: number;
  readonly computeSms: number;
  readonly communicationSms: number;
  /** Tokens of a micro-batch; null where no grid tells. */
  readonly tokens: number | null;
  /** In the order of the time they take. */
  readonly kinds: readonly KindFit[];
  readonly notPlaced: readonly NotPlaced[];
  readonly phases: readonly PhaseFigures[];
  readonly collectives: readonly CollectiveFigures[];
}

/** Name of a preset by its trace: the file's without folder and endings. */
export function presetName(path: string): string {
  return basename(path).replace(/(?:\.pt\.trace)?\.json(?:\.gz)?$|\.gz$/, '');
}

async function placeByName(
  path: string,
  run: TracedRun,
  done: ReadonlySet<number>,
  placer: PlaceByName,
  notPlaced: NotPlacedKernels,
): Promise<PlacedKernel[]> {
  const { kernels } = run.trace;
  const rest = kernels.flatMap((_, index) => (done.has(index) || run.collectives.has(index) ? [] : [index]));
  const ids = new Set(rest.flatMap((index) => kernels[index].externalId ?? []));
  const operators = await readOperators(path, ids);
  return rest.flatMap((index) => {
    const kernel = kernels[index];
    const operator = kernel.externalId === undefined ? undefined : operators.get(kernel.externalId);
    const place = placer.place(kernel, run.names.of(kernel.name), operator);
    const ns = run.ns.get(index)!;
    if (typeof place !== 'string') {
      const together = run.together.get(index) ?? 0;
      return [{ ...place, name: kernel.name, sms: run.split.computeSms, ns, together, phase: undefined }];
    }
    notPlaced.add(kernel.name, place, ns / 1000);
    return [];
  });
}

/**
 * Fits the rates of a hardware preset to a PyTorch or emulated trace: places each kernel on the kind and the work that
 * a kernel list, or the operator that launched it, gives it, and fits every kind's rate.
 *
 * @param path the trace, plain or gzip.
 * @throws BadInputError where the trace cannot be read or has no kernels, or an option does not fit it.
 */
export async function calibrate(path: string, options: CalibrationOptions = {}): Promise<Calibration> {
  const base = loadHardware(options.base ?? 'h800');
  const model = loadModel(options.model ?? 'deepseek-v3');
  const trace = await readTraceContent(path);
  const ranks = ranksOf(options.ranks, trace.worldSize, model, path);
  const run = tracedRun(trace, base.gpu.sms);
  const { gpuSms, computeSms, communicationSms } = run.split;
  const lists = new ListedKernels(base, builtInKernelLists(model), {
    model,
    ranks,
    expertRanks: ranks,
    nodeSize: base.nodeSize,
    gpuSms,
    computeSms,
    communicationSms,
    dispatchBytes: model.bytesPerToken.dispatch,
    combineBytes: model.bytesPerToken.combine,
  });
  const notPlaced = new NotPlacedKernels();
  const instances = phaseInstances(trace, (name) => lists.candidates(name).length > 0);
  const byPhase: PlacedByPhase = placeByPhase(run, instances, lists, { ...trace.attention, ...options }, notPlaced);
  checkExperts(byPhase.sizes.localExperts, ranks, model);
  const byName = await placeByName(path, run, byPhase.done, new PlaceByName(base, lists), notPlaced);
  const measured = [...byPhase.placed, ...byName];
  const name = options.name ?? presetName(path);
  const others = { base, run, beside: byPhase.beside, name, file: basename(path) };
  // How much of a kernel's time its bytes are, the fitted rates tell better than the base's.
  const first = fittedPreset({ ...others, placed: alone(measured, base, communicationSms) });
  const placed = alone(measured, first.preset, communicationSms);
  const { preset, kinds, unfitted } = fittedPreset({ ...others, placed });
  for (const { kind, name: kernel, ns } of placed) {
    if (unfitted.has(kind)) notPlaced.add(kernel, 'no rate fits', ns / 1000);
  }
  for (const [kernel, count] of trace.untimed) notPlaced.add(kernel, 'no usable times', 0, count);
  const fitted = placed.filter(({ kind }) => !unfitted.has(kind));
  const nodes = Math.ceil(ranks / base.nodeSize);
  const allUs = [...run.ns.values()].reduce((sum, ns) => sum + ns, 0) / 1000;
  return {
    preset,
    base: base.name,
    model: model.name,
    ranks,
    computeSms,
    communicationSms,
    tokens: byPhase.sizes.tokens ?? null,
    kinds,
    notPlaced: notPlaced.list(allUs),
    phases: phaseFigures(fitted, instances, base, preset),
    collectives: collectiveFigures(run, byPhase.collectivePhases, model, nodes, byPhase.sizes.tokens ?? NaN),
  };
}
