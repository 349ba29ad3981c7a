import { isAutoregressive, isDenseLayer, pipelineOf, rolesOf } from '@epemu/config';
import type { Configuration, PassEntry, PhaseTemplate, Role } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import type { KernelCatalogue } from '@epemu/kernels';

/** One phase in one layer of one pass: an operation to be, or a place that a gate passes through. */
export interface Slot {
  readonly phase: PhaseTemplate;
  /** Layers that came before it: over all passes, and within its own. */
  readonly position: number;
  readonly index: number;
  readonly pass: number;
  readonly layer: number;
  readonly dense: boolean;
  /** Number of its micro-batch over all steps; undefined where the phase pauses. */
  readonly microBatch: number | undefined;
  /** Name of its kernels' list. */
  readonly list: string;
  /** Launch index; undefined where the phase is absent (a dense layer's communication, a switched-off phase). */
  id?: number;
}

/**
 * Expands a template into rows, layers and launch order. Passes follow each other without a break: a phase whose lag leads
 * beyond a pass belongs to the one before or behind it.
 */
export class Expansion {
  readonly #configuration: Configuration;
  readonly #role: Role;
  readonly #phases: readonly PhaseTemplate[];
  /** Layers of the role. */
  readonly #layers: number;
  readonly #firstId: number;
  readonly #catalogue: KernelCatalogue;
  readonly #passes: readonly Pass[];
  /** Rows of a pass: its layers, twice where backward phases follow a whole chunk later. */
  readonly #period: number;
  readonly #slots = new Map<string, Slot>();
  /** In a pipeline: where a place's layer of a micro-batch is. */
  readonly #positions = new Map<string, number>();
  readonly launched: { slot: Slot; row: number }[] = [];

  /** @param firstId id of the first operation. */
  constructor(configuration: Configuration, role: Role, catalogue: KernelCatalogue, firstId: number) {
    this.#configuration = configuration;
    this.#role = role;
    this.#catalogue = catalogue;
    this.#firstId = firstId;
    const { schedule, steps } = configuration;
    const [chunk] = role.chunks;
    const layers = chunk.last - chunk.first + 1;
    this.#layers = layers;
    this.#phases = schedule.phases.filter(({ roles }) => roles === undefined || roles.includes(role.name));
    this.#passes = passesOf(configuration, role);
    this.#period = this.#phases.some(({ lag }) => lag === '-layers') ? layers * 2 : layers;
    refuseTooMany(
      configuration,
      this.#passes.length,
      configuration.pipeline === undefined ? configuration.layers : layers,
    );
    const lags = this.#phases.map((phase) => this.#lagOf(phase));
    const firstRow = 0 - schedule.warmUpRows - Math.max(...lags);
    const lastRow = (steps * this.#passes.length - 1) * this.#period + layers - 1 - Math.min(...lags);
    for (let row = firstRow; row <= lastRow; row++) {
      for (const phase of this.#phases) this.#place(phase, row);
    }
  }

  #lagOf(phase: PhaseTemplate): number {
    return phase.lag === '-layers' ? -this.#layers : phase.lag;
  }

  #place(phase: PhaseTemplate, row: number): void {
    const { schedule, steps, pipeline } = this.#configuration;
    const layers = this.#layers;
    const position = row + this.#lagOf(phase);
    const pass = Math.max(0, Math.floor(position / this.#period));
    const index = position - pass * this.#period;
    if (position < -schedule.warmUpRows || index >= layers || pass >= steps * this.#passes.length) return;
    // A row pairs forward layer c with backward layer L − 1 − c.
    const entry = this.#entryOf(phase, pass);
    const { first, last } = entry?.layers ?? this.#role.layers;
    const layer = phase.direction === 'forward' ? first + index : last - index;
    const dense = isDenseLayer(this.#configuration, layer);
    const list = dense && phase.denseKernels !== undefined ? phase.denseKernels : phase.kernels;
    const microBatch = entry === null ? undefined : this.#microBatchOf(entry, pass);
    const slot: Slot = { phase, position, index, pass, layer, dense, microBatch, list };
    if (pipeline !== undefined) this.#positions.set(placeKey(slot), position);
    this.#slots.set(`${phase.name}@${position}`, slot);
    const present =
      slot.microBatch !== undefined &&
      (!dense || phase.denseKernels !== undefined) &&
      this.#catalogue.kernels(list).length > 0 &&
      (phase.rows === 'all' || index === (phase.rows === 'first' ? 0 : layers - 1)) &&
      !this.#isModelsEnd(phase, layer) &&
      !this.#staysHere(slot) &&
      (phase.when === undefined || this.#configuration.pipelineCommunication);
    if (!present) return;
    slot.id = this.#firstId + this.launched.length;
    this.launched.push({ slot, row });
  }

  /** Nothing is sent on behind the model's last layer, nor received before its first. */
  #isModelsEnd({ collective, direction }: PhaseTemplate, layer: number): boolean {
    if (collective?.type !== 'send' && collective?.type !== 'receive') return false;
    const atTop = (collective.type === 'send') === (direction === 'forward');
    return layer === (atTop ? this.#configuration.layers - 1 : 0);
  }

  /** Nothing is sent to, nor received from, a stage that the same rank has. */
  #staysHere({ phase: { collective, direction }, layer, microBatch }: Slot): boolean {
    if (collective?.type !== 'send' && collective?.type !== 'receive') return false;
    const pipeline = pipelineOf(this.#configuration);
    if (pipeline === undefined || microBatch === undefined) return false;
    const way = pipeline.wayOf(microBatch);
    const stage = pipeline.stages.findIndex(({ first, last }) => first <= layer && layer <= last);
    const isNext = (collective.type === 'send') === (direction === 'forward');
    return way[stage] === way[stage + (isNext ? 1 : -1)];
  }

  #entryOf(phase: PhaseTemplate, pass: number): PassEntry | null {
    return this.#passes[pass % this.#passes.length][phase.microBatch] ?? null;
  }

  #microBatchOf({ microBatch }: PassEntry, pass: number): number {
    return Math.floor(pass / this.#passes.length) * this.#configuration.schedule.microBatches + microBatch;
  }

  /**
   * Position of the layer before a slot's; that before a pass's first is the last of the step that it continues, or of the stage
   * before, where the rank has it.
   */
  #before(slot: Slot): number {
    const { position, index, pass } = slot;
    if (index === 0 && this.#configuration.pipeline !== undefined) {
      const layer = slot.layer + (slot.phase.direction === 'forward' ? -1 : 1);
      return this.#positions.get(placeKey({ ...slot, layer })) ?? Number.NaN;
    }
    if (index !== 0 || pass === 0) return position - 1;
    const continued = isAutoregressive(this.#configuration) ? pass - this.#passes.length : -1;
    return continued < 0 ? Number.NaN : continued * this.#period + this.#layers - 1;
  }

  /** Ids of what a slot waits for; a gate through an absent phase passes to that phase's own predecessors. */
  gates(slot: Slot, visited = new Set<Slot>()): number[] {
    const ids = new Set<number>();
    for (const gate of slot.phase.after) {
      const name = gate.replace(/@-1$/, '');
      const target = this.#slots.get(`${name}@${name === gate ? slot.position : this.#before(slot)}`);
      if (target === undefined || visited.has(target)) continue;
      visited.add(target);
      if (target.id !== undefined) ids.add(target.id);
      else for (const id of this.gates(target, visited)) ids.add(id);
    }
    return [...ids].sort((a, b) => a - b);
  }

  /** @returns the launch index of a phase at a position. */
  idOf(name: string, position: number): number | undefined {
    return this.#slots.get(`${name}@${position}`)?.id;
  }
}

/**
 * More operations than this take minutes and gigabytes before the first of them runs; what may run beside collectives is
 * kept for each pair of operations, so there may be fewer where there are any.
 */
const MOST_OPERATIONS = 200_000;
const MOST_BESIDE_COLLECTIVES = 40_000;

/** @throws BadInputError where steps, passes, layers and phases multiply to more than can be run. */
function refuseTooMany({ schedule, steps, pipeline }: Configuration, passes: number, layers: number): void {
  const count = steps * passes * layers * schedule.phases.length;
  const hasCollectives = schedule.phases.some(({ kind }) => kind === 'collective');
  const most = hasCollectives ? MOST_BESIDE_COLLECTIVES : MOST_OPERATIONS;
  if (count <= most) return;
  if (pipeline !== undefined) {
    const product = `${passes} cells of a rank over ${layers} layers of ${schedule.phases.length} phases`;
    throw new BadInputError(
      'schedule.microBatches',
      `schedule.microBatches is ${schedule.microBatches}, but ${product} are ${count} operations, and a rank has ${most} at most; ` +
        'use fewer, or fewer layers',
    );
  }
  const product = `${steps} steps of ${passes} passes over ${layers} layers of ${schedule.phases.length} phases`;
  throw new BadInputError(
    'steps',
    `steps is ${steps}, but ${product} are ${count} operations, and such a run has ${most} at most; use fewer`,
  );
}

/** By place: what its phases work on; null where they pause. */
type Pass = readonly (PassEntry | null)[];

/** @returns the passes of a step, see the schedule's `passes`. */
function passesOf(configuration: Configuration, role: Role): readonly Pass[] {
  const pipeline = pipelineOf(configuration);
  if (pipeline !== undefined) return pipeline.passes[rolesOf(configuration).indexOf(role)];
  const { schedule } = configuration;
  const { layers } = role;
  const passes = schedule.passes ?? [Array.from({ length: schedule.microBatches }, (_, microBatch) => microBatch)];
  return passes.map((pass) => pass.map((microBatch) => (microBatch === null ? null : { microBatch, layers })));
}

function placeKey({ phase, microBatch, layer }: Pick<Slot, 'phase' | 'microBatch' | 'layer'>): string {
  return `${phase.microBatch} ${String(microBatch)} ${layer}`;
}
