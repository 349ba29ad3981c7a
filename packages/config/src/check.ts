import { BadInputError } from '@epemu/core';
import type { KernelCatalogue } from '@epemu/kernels';
import { transferKinds, transferOf } from '@epemu/presets';
import { catalogueOf, placedExperts } from './configuration.js';
import type { Configuration } from './configuration.js';
import { checkEplb } from './eplb.js';
import { checkHops } from './check-hops.js';
import { checkRoles } from './check-roles.js';
import { PIPELINE_PLACES, checkPipeline } from './pipeline.js';
import { checkRouting } from './routing.js';
import type { PhaseTemplate } from './schema.js';
import { checkTraceWindow } from './trace-window.js';
import { checkUnequal } from './unequal.js';
import { checkWork } from './uneven-work.js';

function refuse(field: string, message: string): never {
  throw new BadInputError(field, message);
}

/**
 * @param fits ranks among which experts divide.
 * @param whole whether the ranks fill whole nodes, so that replicas would help.
 */
function refuseShares(configuration: Configuration, fits: () => string, whole: boolean): never {
  const { ranks, model, redundantExperts } = configuration;
  const placed = placedExperts(configuration);
  const beyond = Math.ceil(model.experts / ranks) * ranks - model.experts;
  const divides = 'do not divide by it';
  if (redundantExperts === undefined) {
    const ofModel = `ranks is ${ranks}, but the ${model.experts} experts of ${model.name} ${divides}`;
    refuse('ranks', `${ofModel}; use one of ${fits()}${whole ? `, or --redundant-experts ${beyond}` : ''}`);
  }
  const more = Math.ceil(placed / ranks) * ranks - model.experts;
  const problem = `redundantExperts is ${redundantExperts}, but the ${placed} replicas of the ${model.experts} experts of`;
  refuse('redundantExperts', `${problem} ${model.name} do not divide among ${ranks} ranks; use ${more}`);
}

/** Ranks, layers and workers against the model and the node. */
function checkSizes(configuration: Configuration): void {
  const { ranks, layers, model, hardware, ranksPerWorker, payload } = configuration;
  const { nodeSize } = hardware;
  const wholeNodes = (count: number): boolean => count <= nodeSize || count % nodeSize === 0;
  const fits = (): string =>
    Array.from({ length: model.experts }, (_, i) => i + 1)
      .filter((count) => model.experts % count === 0 && wholeNodes(count))
      .join(', ');
  const alike = configuration.roles === undefined && configuration.pipeline === undefined;
  if (alike && placedExperts(configuration) % ranks !== 0) refuseShares(configuration, fits, wholeNodes(ranks));
  if (alike && !wholeNodes(ranks)) {
    refuse(
      'ranks',
      `ranks is ${ranks}, but above one node it must be a multiple of the node size ${nodeSize}; use one of ${fits()}`,
    );
  }
  const moeLayers = model.layers - model.denseLayers;
  if (layers > moeLayers && layers !== model.layers) {
    refuse(
      'layers',
      `layers is ${layers}, but it must be 1 to ${moeLayers} MoE layers, or ${model.layers} for the whole model`,
    );
  }
  if (ranksPerWorker > ranks || ranks % ranksPerWorker !== 0) {
    refuse('ranksPerWorker', `ranksPerWorker is ${ranksPerWorker}, but it must divide the number of ranks, ${ranks}`);
  }
  if (payload.hidden % 16 !== 0) {
    refuse('payload.hidden', `payload.hidden is ${payload.hidden}, but it must be a multiple of 16 (one SIMD block)`);
  }
  const outside = configuration.faults.find((entry) => entry.rank >= ranks);
  if (outside !== undefined) refuse('faults', `faults names rank ${outside.rank}, but ranks are 0 to ${ranks - 1}`);
}

/** Whoever is held back for that long would be taken for stalled; half of it leaves room for a slow host. */
function checkPace({ pace, stallTimeoutSeconds }: Configuration): void {
  if (pace === null || 1 / pace <= stallTimeoutSeconds / 2) return;
  refuse(
    'pace',
    `pace is ${pace}, but then a row takes more than half of stallTimeoutSeconds, ${stallTimeoutSeconds} s; ` +
      `use at least ${2 / stallTimeoutSeconds} rows a second, or raise stallTimeoutSeconds`,
  );
}

function checkWorkload(configuration: Configuration): void {
  const { family, promptLengths, tokensPerMicrobatch } = configuration;
  if (promptLengths === undefined && tokensPerMicrobatch === undefined) {
    refuse('tokensPerMicrobatch', 'neither tokensPerMicrobatch nor promptLengths is given; give one of them');
  }
  if (promptLengths !== undefined && tokensPerMicrobatch !== undefined) {
    refuse('tokensPerMicrobatch', 'tokensPerMicrobatch and promptLengths are both given; give one of them');
  }
  if (family === 'training' && promptLengths !== undefined) {
    refuse('promptLengths', 'promptLengths is given for training, which takes tokensPerMicrobatch');
  }
}

/** Kinds, modes and kernels that belong together: a schedule that could not run to its end is refused here. */
function checkKernels(
  configuration: Configuration,
  catalogue: KernelCatalogue,
  phase: PhaseTemplate,
  field: string,
): void {
  const { schedule } = configuration;
  const { name, kind, collective } = phase;
  const background = kind === 'issue' || kind === 'wait';
  if (collective !== undefined && background !== (collective.mode === 'low-latency')) {
    refuse(field, `phase ${name} is of kind ${kind} with mode ${collective.mode}; issue and wait go with low-latency`);
  }
  const isHandOver = collective?.type === 'send' || collective?.type === 'receive';
  if (isHandOver && (kind !== 'collective' || collective.mode !== 'pipeline')) {
    refuse(field, `phase ${name} is a ${collective.type}; it must be of kind collective with mode pipeline`);
  }
  const streams = Object.values(schedule.streams).map(({ id }) => id);
  for (const key of [phase.kernels, phase.denseKernels]) {
    const kernels = key === undefined ? [] : catalogue.kernels(key);
    const stray = kernels.find(({ stream }) => stream !== undefined && !streams.includes(stream));
    if (stray !== undefined) {
      refuse(field, `phase ${name} has a kernel on stream ${String(stray.stream)}, which the schedule lacks`);
    }
    const transfers = kernels.filter(({ role }) => role === 'transfer').length;
    if (kernels.length > 0 && transfers !== (kind === 'compute' ? 0 : 1)) {
      refuse(field, `phase ${name} is of kind ${kind}, but its kernels ${String(key)} have ${transfers} transfers`);
    }
    if (kind !== 'collective' && kernels.some(({ role }) => role === 'notify')) {
      refuse(field, `phase ${name} is of kind ${kind}, but its kernels ${String(key)} notify; only collectives do`);
    }
  }
}

function checkPhase(
  configuration: Configuration,
  catalogue: KernelCatalogue,
  phase: PhaseTemplate,
  names: ReadonlySet<string>,
): void {
  const { schedule, hardware, family, era } = configuration;
  const field = `schedule.phases (${phase.name})`;
  if (!Object.hasOwn(schedule.streams, phase.stream)) {
    const known = Object.keys(schedule.streams).join(', ');
    refuse(
      field,
      `phase ${phase.name} runs on the unknown stream ${phase.stream}; the schedule's streams are ${known}`,
    );
  }
  for (const key of [phase.kernels, phase.denseKernels]) {
    if (key !== undefined && !catalogue.has(key)) {
      refuse(
        field,
        `phase ${phase.name} asks for the kernels ${key}, but there is no such list; add it to kernels or name a built-in one`,
      );
    }
  }
  const ofPass = configuration.pipeline === undefined ? schedule.passes?.[0].length : PIPELINE_PLACES;
  const places = ofPass ?? schedule.microBatches;
  if (phase.microBatch >= places) {
    const there = ofPass === undefined ? `there are ${places}` : `a pass has ${places}`;
    refuse(field, `phase ${phase.name} has micro-batch ${phase.microBatch}, but ${there}`);
  }
  if ((phase.kind === 'compute') !== (phase.collective === undefined)) {
    refuse(
      field,
      `phase ${phase.name} is of kind ${phase.kind}; exactly the kinds other than compute have a collective`,
    );
  }
  const issue = configuration.schedule.phases.find(({ name }) => name === phase.issue);
  if (phase.kind === 'wait' ? issue?.kind !== 'issue' : phase.issue !== undefined) {
    refuse(field, `phase ${phase.name} has the issue ${String(phase.issue)}; a wait, and nothing else, names an issue`);
  }
  if (phase.direction === 'backward' && family !== 'training') {
    refuse(field, `phase ${phase.name} goes backward, but the family is ${family}; only training goes backward`);
  }
  checkKernels(configuration, catalogue, phase, field);
  if (phase.collective !== undefined) {
    const { rateKind } = phase.collective;
    const known = transferKinds(hardware, era);
    if (!known.includes(rateKind)) {
      const list = known.length === 0 ? `none in ${era}` : known.join(', ');
      refuse(field, `phase ${phase.name} has the unknown rateKind ${rateKind}; the hardware preset has ${list}`);
    }
    checkHops(configuration, phase, field);
    const { sm, links } = transferOf(hardware, era, rateKind);
    const pushes = sm !== undefined || Object.values(links).some(({ GBpsPerSm }) => GBpsPerSm !== undefined);
    const needsSms = phase.collective.mode === 'normal' && pushes;
    if (needsSms && schedule.communicationSms === 0) {
      refuse(
        'schedule.communicationSms',
        `schedule.communicationSms is 0, but phase ${phase.name} needs SMs to communicate`,
      );
    }
  }
  if (phase.collective?.mode === 'low-latency' && phase.direction === 'backward') {
    refuse(field, `phase ${phase.name} goes backward in low-latency mode; only the normal mode has a backward`);
  }
  for (const gate of [...phase.after, ...(phase.issue === undefined ? [] : [phase.issue])]) {
    const name = gate.replace(/@-1$/, '');
    if (!names.has(name)) refuse(field, `phase ${phase.name} waits for ${gate}, but there is no phase ${name}`);
  }
}

/** Passes of equal length that together take every micro-batch. */
function checkPasses({ schedule: { passes, microBatches } }: Configuration): void {
  if (passes === undefined) return;
  passes.forEach((pass, index) => {
    const field = `schedule.passes.${index}`;
    if (pass.length !== passes[0].length) {
      const problem = `${field} has ${pass.length} places, but schedule.passes.0 has ${passes[0].length}`;
      refuse(field, `${problem}; give all passes as many, null where one is empty`);
    }
    const again = pass.find(
      (microBatch, place) =>
        microBatch !== null && passes.slice(0, index).some((earlier) => earlier[place] === microBatch),
    );
    if (typeof again === 'number') {
      refuse(field, `${field} has micro-batch ${again} in a place in which an earlier pass has it; name it once there`);
    }
    const stray = pass.find((microBatch) => microBatch !== null && microBatch >= microBatches);
    if (typeof stray === 'number') {
      refuse(field, `${field} names micro-batch ${stray}, but schedule.microBatches is ${microBatches}`);
    }
  });
  const missing = Array.from({ length: microBatches }, (_, i) => i).find(
    (i) => !passes.some((pass) => pass.includes(i)),
  );
  if (missing === undefined) return;
  const problem = `no pass of schedule.passes takes micro-batch ${missing}, though schedule.microBatches is ${microBatches}`;
  refuse('schedule.passes', `${problem}; add it to one, or lower schedule.microBatches`);
}

function checkSchedule(configuration: Configuration): void {
  const { schedule, hardware } = configuration;
  checkPasses(configuration);
  const names = new Set<string>();
  for (const phase of schedule.phases) {
    if (names.has(phase.name)) refuse('schedule.phases', `two phases are named ${phase.name}; names must differ`);
    names.add(phase.name);
  }
  const ids = new Set(Object.values(schedule.streams).map((stream) => stream.id));
  if (ids.size !== Object.keys(schedule.streams).length) refuse('schedule.streams', 'two streams have the same id');
  if (!names.has(schedule.layerMarker)) {
    refuse('schedule.layerMarker', `schedule.layerMarker is ${schedule.layerMarker}, but there is no such phase`);
  }
  for (const field of ['computeSms', 'communicationSms'] as const) {
    if (schedule[field] > hardware.gpu.sms) {
      refuse(`schedule.${field}`, `schedule.${field} is ${schedule[field]}, but the GPU has ${hardware.gpu.sms} SMs`);
    }
  }
  const catalogue = catalogueOf(configuration);
  for (const phase of schedule.phases) checkPhase(configuration, catalogue, phase, names);
  const modes = new Set(schedule.phases.flatMap(({ collective }) => collective?.mode ?? []));
  if (modes.has('normal') && modes.has('low-latency')) {
    refuse('schedule.phases', 'schedule.phases mixes normal and low-latency collectives; use one mode');
  }
}

/**
 * Checks what a schema cannot: sizes against each other, and a schedule's names.
 * @throws BadInputError naming field, value and what is allowed.
 */
export function checkConfiguration(configuration: Configuration): void {
  checkPipeline(configuration);
  checkSizes(configuration);
  checkRoles(configuration);
  checkEplb(configuration);
  checkTraceWindow(configuration);
  checkUnequal(configuration);
  checkPace(configuration);
  checkWorkload(configuration);
  checkWork(configuration);
  checkRouting(configuration);
  checkSchedule(configuration);
}
