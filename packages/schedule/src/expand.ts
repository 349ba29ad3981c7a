import { denseLayerCount } from '@epemu/config';
import type { Configuration, PhaseTemplate } from '@epemu/config';
import { checkAcyclic } from './graph.js';
import { KernelTable } from './kernel-table.js';
import { checkRowOrder } from './row-order.js';
import type { Operation, Program } from './program.js';

/** One phase at one step: an operation to be, or a place that a gate passes through. */
interface Slot {
  readonly phase: PhaseTemplate;
  readonly step: number;
  readonly layer: number;
  readonly dense: boolean;
  /** Launch index; undefined where the phase is absent (a dense layer's communication, a switched-off phase). */
  id?: number;
}

/** Expands a template into rows, layers and launch order. */
class Expansion {
  readonly #configuration: Configuration;
  readonly #slots = new Map<string, Slot>();
  readonly launched: { slot: Slot; row: number }[] = [];

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
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
    const slot: Slot = { phase, step, layer, dense };
    this.#slots.set(`${phase.name}@${step}`, slot);
    const present =
      (!dense || phase.denseKernels !== undefined) &&
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

/**
 * Expands a configuration's schedule into the program that every rank runs.
 * @throws BadInputError when gates, streams, ports and messages form a cycle (on GPUs: a hang), naming it.
 */
export function buildProgram(configuration: Configuration): Program {
  const { schedule, hardware } = configuration;
  const expansion = new Expansion(configuration);
  const table = new KernelTable();
  const operations = expansion.launched.map(({ slot, row }, id): Operation => {
    const { phase } = slot;
    const kernels = slot.dense && phase.denseKernels !== undefined ? phase.denseKernels : phase.kernels;
    const issue = phase.issue === undefined ? undefined : expansion.idOf(phase.issue, slot.step);
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
      kernels: hardware.phases[kernels].map((kernel) => table.use(kernel)),
      ...(phase.collective === undefined ? {} : { collective: { ...phase.collective, direction: phase.direction } }),
      ...(issue === undefined ? {} : { issue }),
    };
  });
  const streams = Object.values(schedule.streams)
    .map(({ id, name }) => ({ id, name }))
    .sort((a, b) => a.id - b.id);
  const program: Program = { kernels: table.kernels, operations, streams, layerMarker: schedule.layerMarker };
  checkAcyclic(program);
  checkRowOrder(program, hardware);
  return program;
}
