import { catalogueOf, microBatchesOf, rolesOf, shareWithFasterNics } from '@epemu/config';
import type { Configuration, MicroBatch, PhaseTemplate } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { actionsInLayer, tokenActionsOf } from '@epemu/kernels';
import type { TokenAction } from '@epemu/kernels';
import { transferOf } from '@epemu/presets';
import { ExchangeTable } from './exchanges.js';
import type { Placed } from './exchanges.js';
import { Expansion } from './expansion.js';
import { checkAcyclic, untimedPairs } from './graph.js';
import { KernelTable } from './kernel-table.js';
import { findBeside } from './residence.js';
import { checkRowOrder } from './row-order.js';
import { checkTokenWork } from './token-work.js';
import { blocksHost, programOf, transferName } from './program.js';
import type { CollectiveUse, OperationKernel, Program } from './program.js';

/** @returns a phase's collective as the run's era has it. */
function collectiveUse(configuration: Configuration, phase: PhaseTemplate): CollectiveUse | undefined {
  const { collective, direction } = phase;
  if (collective === undefined) return undefined;
  const { hardware, era } = configuration;
  const known = Object.keys(hardware.ports);
  const hops = transferOf(hardware, era, collective.rateKind).hops.map((link) => known.indexOf(link));
  return { ...collective, direction, hops, shareWithFasterNics: shareWithFasterNics(configuration, collective) };
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

/** @returns what the kernels of a layer stand for; where they are a user's own, those of other layers. */
function impliedActions(list: string, ofOthers: string): readonly TokenAction[] {
  const implied = tokenActionsOf(list);
  return implied.length > 0 ? implied : tokenActionsOf(ofOthers);
}

/** A role's operations, exchanges not yet known, with their micro-batches' places in their passes. */
interface Expanded {
  readonly operations: readonly Placed[];
  readonly places: readonly number[];
}

function expandRole(configuration: Configuration, index: number, firstId: number, table: KernelTable): Expanded {
  const { schedule, model } = configuration;
  const role = rolesOf(configuration)[index];
  const catalogue = catalogueOf(configuration, role.group);
  const microBatches = microBatchesOf(configuration);
  const expansion = new Expansion(configuration, role, catalogue, firstId);
  const { sharedExperts } = model;
  // Once a phase: what faster NICs would leave of it looks at all micro-batches.
  const collectives = new Map(schedule.phases.map((phase) => [phase, collectiveUse(configuration, phase)]));
  // Once for all operations of a list that work on as much: sizing hundreds of kernels anew takes longer than all else here.
  const listed = new Map<string, readonly OperationKernel[]>();
  const kernelsOf = (list: string, { tokens, attentionPairs }: MicroBatch): readonly OperationKernel[] => {
    const key = `${list} ${tokens} ${attentionPairs}`;
    let kernels = listed.get(key);
    if (kernels === undefined) {
      kernels = catalogue.kernels(list).map((kernel) => table.use(kernel, kernel.grid(tokens, attentionPairs)));
      listed.set(key, kernels);
    }
    return kernels;
  };
  const operations = expansion.launched.map(({ slot, row }): Placed => {
    const { phase, list, dense } = slot;
    const microBatch = slot.microBatch!;
    const issue = phase.issue === undefined ? undefined : expansion.idOf(phase.issue, slot.position);
    const collective = collectives.get(phase);
    const issuing = phase.kind === 'issue' ? phase.name : phase.issue;
    return {
      id: slot.id!,
      role: index,
      phase: phase.name,
      kind: phase.kind,
      stream: schedule.streams[phase.stream].id,
      row,
      layer: slot.layer,
      dense,
      microBatch,
      step: Math.floor(microBatch / schedule.microBatches),
      direction: phase.direction,
      tokens: actionsInLayer(phase.tokens ?? impliedActions(list, phase.kernels), { dense, sharedExperts }),
      recorded: slot.position >= 0,
      gates: expansion.gates(slot),
      beside: [],
      list,
      kernels: kernelsOf(list, microBatches[microBatch]),
      ...(collective === undefined ? {} : { collective }),
      ...(issue === undefined ? {} : { issue }),
      ...(issuing === undefined ? {} : { transfer: transferName(issuing) }),
    };
  });
  if (operations.length === 0) {
    const problem = `none of the phases of schedule.phases has a kernel for ${model.name}`;
    throw new BadInputError('schedule.phases', `${problem}; add one that computes or communicates`);
  }
  // Cells of a pipeline overlap micro-batches of the same place, on their way forward and back.
  const isPipeline = configuration.pipeline !== undefined;
  const places = expansion.launched.map(({ slot }) => (isPipeline ? slot.microBatch! : slot.phase.microBatch));
  return { operations, places };
}

/** Leaves out what computation cannot be timed again for. */
function withoutUntimed(program: Program): Program {
  const untimed = untimedPairs(program);
  if (untimed.length === 0) return program;
  const left = new Set(untimed.map(({ compute, collective }) => `${compute} ${collective}`));
  const operations = program.operations.map((operation) =>
    operation.kind === 'compute'
      ? { ...operation, beside: operation.beside.filter((id) => !left.has(`${operation.id} ${id}`)) }
      : operation,
  );
  return { ...program, operations, untimed };
}

/**
 * Expands a configuration's schedule into the program of its ranks: one list of operations for each role.
 * @throws BadInputError when gates, streams, ports and messages form a cycle (on GPUs: a hang), naming it; or when it does
 *   something else to tokens than the model.
 */
export function buildProgram(configuration: Configuration): Program {
  const { schedule } = configuration;
  const roles = rolesOf(configuration);
  const table = new KernelTable();
  const withoutExchange: Placed[] = [];
  const places: number[] = [];
  roles.forEach((_, index) => {
    const expanded = expandRole(configuration, index, withoutExchange.length, table);
    for (const operation of expanded.operations) withoutExchange.push(operation);
    for (const place of expanded.places) places.push(place);
  });
  const exchangeTable = new ExchangeTable(configuration, withoutExchange, (id) => places[id]);
  const { exchanges, earlier } = exchangeTable;
  const links = Object.entries(configuration.hardware.ports).map(([name, { reach }]) => ({ name, reach }));
  const streams = Object.values(schedule.streams)
    .map(({ id, name }) => ({ id, name }))
    .sort((a, b) => a.id - b.id);
  const { launch, layerMarker } = schedule;
  const unchecked: Program = {
    ...{ launch, kernels: table.kernels, streams, layerMarker, links, exchanges, earlier, untimed: [] },
    operations: withoutExchange.map((operation) => ({ ...operation, ...exchangeTable.of(operation) })),
    neighbours: roles.map((_, index) => exchangeTable.neighbours(index)),
    roles: roles.map(({ name, ranks, group }, index) => ({
      ...{ name, ranks, group: group.name, groupRanks: group.ranks },
      attends: withoutExchange.some(({ role, tokens }) => role === index && tokens.includes('attend')),
      firstOperation: withoutExchange.findIndex(({ role }) => role === index),
      operationCount: withoutExchange.filter(({ role }) => role === index).length,
    })),
  };
  checkAcyclic(unchecked);
  const ofRoles = roles.map(({ ranks }) => programOf(unchecked, ranks[0]));
  ofRoles.forEach((program, index) => {
    checkRowOrder(program, catalogueOf(configuration, roles[index].group));
  });
  checkTokenWork(configuration, unchecked);
  const operations = ofRoles.flatMap((program) => {
    const beside = findBeside(program.operations, (operation) => blocksHost(program, operation));
    return program.operations.map((operation) => ({ ...operation, beside: beside.get(operation.id)! }));
  });
  const program = withoutUntimed({ ...unchecked, operations });
  checkSms(configuration, program);
  return program;
}
