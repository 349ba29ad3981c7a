import { catalogueOf, microBatchesOf } from '@epemu/config';
import type { Configuration, PhaseTemplate } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { actionsInLayer, tokenActionsOf } from '@epemu/kernels';
import { transferOf } from '@epemu/presets';
import { ExchangeTable } from './exchanges.js';
import type { Placed } from './exchanges.js';
import { Expansion } from './expansion.js';
import { checkAcyclic } from './graph.js';
import { KernelTable } from './kernel-table.js';
import { findBeside } from './residence.js';
import { checkRowOrder } from './row-order.js';
import { checkTokenWork } from './token-work.js';
import { blocksHost, transferName } from './program.js';
import type { CollectiveUse, Program } from './program.js';

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
  const { sharedExperts } = configuration.model;
  const withoutExchange = expansion.launched.map(({ slot, row }, id): Placed => {
    const { phase, list, dense } = slot;
    const microBatch = slot.microBatch!;
    const { tokens, attentionPairs } = microBatches[microBatch];
    const issue = phase.issue === undefined ? undefined : expansion.idOf(phase.issue, slot.position);
    const collective = collectiveUse(configuration, phase);
    const issuing = phase.kind === 'issue' ? phase.name : phase.issue;
    return {
      id,
      phase: phase.name,
      kind: phase.kind,
      stream: schedule.streams[phase.stream].id,
      row,
      layer: slot.layer,
      dense,
      microBatch,
      step: Math.floor(microBatch / schedule.microBatches),
      direction: phase.direction,
      tokens: actionsInLayer(phase.tokens ?? tokenActionsOf(phase.kernels), { dense, sharedExperts }),
      recorded: slot.position >= 0,
      gates: expansion.gates(slot),
      beside: [],
      list,
      kernels: catalogue.kernels(list).map((kernel) => table.use(kernel, kernel.grid(tokens, attentionPairs))),
      ...(collective === undefined ? {} : { collective }),
      ...(issue === undefined ? {} : { issue }),
      ...(issuing === undefined ? {} : { transfer: transferName(issuing) }),
    };
  });
  const exchanges = new ExchangeTable(
    configuration,
    withoutExchange,
    (id) => expansion.launched[id].slot.phase.microBatch,
  );
  const placed = withoutExchange.map((operation) => {
    const exchange = exchanges.of(operation);
    return exchange === undefined ? operation : { ...operation, exchange };
  });
  if (placed.length === 0) {
    const problem = `none of the phases of schedule.phases has a kernel for ${configuration.model.name}`;
    throw new BadInputError('schedule.phases', `${problem}; add one that computes or communicates`);
  }
  const streams = Object.values(schedule.streams)
    .map(({ id, name }) => ({ id, name }))
    .sort((a, b) => a.id - b.id);
  const { launch, layerMarker } = schedule;
  const unchecked: Program = {
    ...{ launch, kernels: table.kernels, operations: placed, streams, layerMarker },
    ...{ exchanges: exchanges.exchanges, earlier: exchanges.earlier },
  };
  checkAcyclic(unchecked);
  checkRowOrder(unchecked, catalogue);
  checkTokenWork(configuration, unchecked);
  const beside = findBeside(placed, (operation) => blocksHost(unchecked, operation));
  const operations = placed.map((operation) => ({ ...operation, beside: beside[operation.id] }));
  const program = { ...unchecked, operations };
  checkSms(configuration, program);
  return program;
}
