import { catalogueOf, denseLayerCount, microBatchesOf } from '@epemu/config';
import type { Configuration, PhaseTemplate } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import type { KernelCatalogue } from '@epemu/kernels';
import { transferOf } from '@epemu/presets';
import { checkAcyclic } from './graph.js';
import { KernelTable } from './kernel-table.js';
import { findBeside } from './residence.js';
import { checkRowOrder } from './row-order.js';
import { blocksHost, transferName } from './program.js';
import type { CollectiveUse, Operation, Program } from './program.js';

/** One phase at one step: an operation to be, or a place that a gate passes through. */
interface Slot {
  readonly phase: PhaseTemplate;
  readonly step: number;
  readonly layer: number;
  readonly dense: boolean;
  /** Name of its kernels' list. */
  readonly list: string;
  /** Launch index; undefined where the phase is absent (a dense layer's communication, a switched-off phase). */
  id?: number;
}

/** Expands a template into rows, layers and launch order. */
class Expansion {
  readonly #configuration: Configuration;
  readonly #catalogue: KernelCatalogue;
  readonly #slots = new Map<string, Slot>();
  readonly launched: { slot: Slot; row: number }[] = [];

  constructor(configuration: Configuration, catalogue: KernelCatalogue) {
    this.#configuration = configuration;
    this.#catalogue = catalogue;
    const { schedule, layers } = configuration;
    const lags = schedule.phases.map((phase) => this.#lagOf(phase));
    const firstRow = 0 - schedule.warmUpRows - Math.max(...lags);
    const lastRow = layers - 1 - Math.min(...lags);
    for (let row = firstRow; row <= lastRow; row++) {
      for (const phase of schedule.phases) this.#place(phase, row);
    }
  }

  #lagOf(phase: PhaseTemplate): number {
    return phase.lag === '-layers' ? -this.#configuration.layers : phase.lag;
  }

  #place(phase: PhaseTemplate, row: number): void {
    const { layers, schedule } = this.#configuration;
    const step = row + this.#lagOf(phase);
    if (step < -schedule.warmUpRows || step >= layers) return;
    // Cell c pairs forward layer c with backward layer L − 1 − c.
    const layer = phase.direction === 'forward' ? step : layers - 1 - step;
    const dense = layer >= 0 && layer < denseLayerCount(this.#configuration);
    const list = dense && phase.denseKernels !== undefined ? phase.denseKernels : phase.kernels;
    const slot: Slot = { phase, step, layer, dense, list };
    this.#slots.set(`${phase.name}@${step}`, slot);
    const present =
      (!dense || phase.denseKernels !== undefined) &&
      this.#catalogue.kernels(list).length > 0 &&
      (phase.rows === 'all' || step === layers - 1) &&
      (phase.when === undefined || this.#configuration.pipelineCommunication);
    if (!present) return;
    slot.id = this.launched.length;
    this.launched.push({ slot, row });
  }

  /** Ids of what a slot waits for; a gate through an absent phase passes to that phase's own predecessors. */
  gates(slot: Slot, visited = new Set<Slot>()): number[] {
    const ids = new Set<number>();
    for (const gate of slot.phase.after) {
      const name = gate.replace(/@-1$/, '');
      const step = slot.step - (name === gate ? 0 : 1);
      const target = this.#slots.get(`${name}@${step}`);
      if (target === undefined || visited.has(target)) continue;
      visited.add(target);
      if (target.id !== undefined) ids.add(target.id);
      else for (const id of this.gates(target, visited)) ids.add(id);
    }
    return [...ids].sort((a, b) => a - b);
  }

  idOf(name: string, step: number): number | undefined {
    return this.#slots.get(`${name}@${step}`)?.id;
  }
}

/** @returns a phase's collective as the run's era has it. */
function collectiveUse(configuration: Configuration, phase: PhaseTemplate): CollectiveUse | undefined {
  const { collective, direction } = phase;
  if (collective === undefined) return undefined;
  const transfer = transferOf(configuration.hardware, configuration.era, collective.rateKind);
  return { ...collective, direction, nvlinkInNode: collective.mode === 'low-latency' && transfer.nvlink !== undefined };
}

/** Where computation runs beside communication the two share the GPU. @throws BadInputError where it is too small. */
function checkSms({ schedule, hardware }: Configuration, program: Program): void {
  const { computeSms, communicationSms } = schedule;
  const { sms } = hardware.gpu;
  if (computeSms + communicationSms <= sms || program.operations.every(({ beside }) => beside.length === 0)) return;
  throw new BadInputError(
    'schedule.computeSms',
    `schedule.computeSms is ${computeSms} and schedule.communicationSms ${communicationSms}, but the GPU has ${sms} SMs ` +
      'for both; lower one of them, or set schedule.computeSms to rest',
  );
}

/**
 * Expands a configuration's schedule into the program that every rank runs.
 * @throws BadInputError when gates, streams, ports and messages form a cycle (on GPUs: a hang), naming it.
 */
export function buildProgram(configuration: Configuration): Program {
  const { schedule } = configuration;
  const catalogue = catalogueOf(configuration);
  const microBatches = microBatchesOf(configuration);
  const expansion = new Expansion(configuration, catalogue);
  const table = new KernelTable();
  const placed = expansion.launched.map(({ slot, row }, id): Operation => {
    const { phase, list } = slot;
    const { tokens, attentionPairs } = microBatches[phase.microBatch];
    const issue = phase.issue === undefined ? undefined : expansion.idOf(phase.issue, slot.step);
    const collective = collectiveUse(configuration, phase);
    const issuing = phase.kind === 'issue' ? phase.name : phase.issue;
    return {
      id,
      phase: phase.name,
      kind: phase.kind,
      stream: schedule.streams[phase.stream].id,
      row,
      layer: slot.layer,
      dense: slot.dense,
      microBatch: phase.microBatch,
      direction: phase.direction,
      recorded: slot.step >= 0,
      gates: expansion.gates(slot),
      beside: [],
      list,
      kernels: catalogue.kernels(list).map((kernel) => table.use(kernel, kernel.grid(tokens, attentionPairs))),
      ...(collective === undefined ? {} : { collective }),
      ...(issue === undefined ? {} : { issue }),
      ...(issuing === undefined ? {} : { transfer: transferName(issuing) }),
    };
  });
  if (placed.length === 0) {
    const problem = `none of the phases of schedule.phases has a kernel for ${configuration.model.name}`;
    throw new BadInputError('schedule.phases', `${problem}; add one that computes or communicates`);
  }
  const streams = Object.values(schedule.streams)
    .map(({ id, name }) => ({ id, name }))
    .sort((a, b) => a.id - b.id);
  const { launch, layerMarker } = schedule;
  const unchecked: Program = { launch, kernels: table.kernels, operations: placed, streams, layerMarker };
  checkAcyclic(unchecked);
  checkRowOrder(unchecked, catalogue);
  const beside = findBeside(placed, (operation) => blocksHost(unchecked, operation));
  const operations = placed.map((operation) => ({ ...operation, beside: beside[operation.id] }));
  const program = { ...unchecked, operations };
  checkSms(configuration, program);
  return program;
}
