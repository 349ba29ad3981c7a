import {
  denseLayerCount,
  memoryOf,
  memoryText,
  microBatchesOf,
  microBatchesOfRanks,
  nodeCount,
  shownConfiguration,
  tokenRanks,
} from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { mean } from '@epemu/core';
import { buildProgram, transferOperations } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';

/** What a run would take, before anything starts. */
export interface Prediction {
  readonly ranks: number;
  readonly nodes: number;
  readonly workers: number;
  readonly operationsPerRank: number;
  readonly kernels: number;
  /** Tokens that ranks process in each layer, over all micro-batches. */
  readonly tokensPerLayer: number;
  /** Modelled bytes over all out-ports, at most. */
  readonly modelledBytes: number;
  /** Bytes of emulated payload that really move, about. */
  readonly payloadBytes: number;
  /** Memory over all processes, about. */
  readonly memoryBytes: number;
  readonly traceEvents: number;
}

/** A Node process with the worker's modules and one compute thread, measured; private memory. */
const PROCESS_BYTES = 55e6;
/** Token id, entry and router weight that travel with a row. */
const ROUTING_BYTES_PER_ROW = 20;

/**
 * @returns modelled bytes that an operation's tokens make on all out-ports, at most: a copy for each of its experts in
 * low-latency mode; in normal mode one for each other node by RDMA, and by NVLink one for each rank that is not where
 * RDMA ends, as long as it has experts for them.
 */
function modelledBytesOf(
  operation: Operation,
  { model, hardware }: Configuration,
  group: readonly number[],
  tokens: number,
): number {
  const { type, mode } = operation.collective!;
  const bytes = model.bytesPerToken;
  if (type === 'receive') return 0;
  if (mode === 'pipeline' || type === 'send') return tokens * bytes.pipeline;
  if (mode === 'low-latency')
    return tokens * model.topK * (type === 'combine' ? bytes.combine : bytes.lowLatencyDispatch);
  const nodes = new Set(group.map((rank) => Math.floor(rank / hardware.nodeSize))).size;
  const copies = [nodes - 1, group.length - nodes].map((most) => Math.min(model.topK, most));
  return tokens * copies.reduce((sum, count) => sum + count, 0) * bytes[type];
}

/** @returns tokens of all micro-batches of a rank, of the mean rank where these have work of their own. */
function tokensPerRank(configuration: Configuration): number {
  return mean(
    microBatchesOfRanks(configuration).map((batches) => batches.reduce((sum, batch) => sum + batch.tokens, 0)),
  );
}

/** @returns rows that travel in a layer over all ranks, and the values of each. */
function travelling(configuration: Configuration): { rows: number; hidden: number } {
  const { model, payload } = configuration;
  const hidden = payload.kind === 'none' ? 0 : payload.hidden;
  // A layer of a pipeline is on the ranks of its stage alone.
  const ranks = configuration.pipeline === undefined ? configuration.ranks : tokenRanks(configuration);
  return { rows: tokensPerRank(configuration) * ranks * model.topK, hidden };
}

function workersOf({ fabric, ranks, ranksPerWorker }: Configuration): number {
  return fabric === 'memory' ? 1 : ranks / ranksPerWorker;
}

/** @returns bytes of memory over all processes of a run, about. */
export function predictMemoryBytes(configuration: Configuration): number {
  const { rows, hidden } = travelling(configuration);
  const keptLayers = configuration.family === 'training' ? configuration.layers : 2;
  return workersOf(configuration) * PROCESS_BYTES + keptLayers * rows * (hidden * 4 + ROUTING_BYTES_PER_ROW);
}

/** Predicts what a run takes; routing is not drawn, so bytes are upper bounds: topK rows of every token travel. */
export function predict(configuration: Configuration): Prediction {
  const program = buildProgram(configuration);
  const { ranks, layers, family } = configuration;
  const microBatches = microBatchesOf(configuration);
  const ranksOf = ({ role }: Operation): number => program.roles[role].ranks.length;
  const attending = program.roles.reduce((sum, { attends, ranks: own }) => sum + (attends ? own.length : 0), 0);
  const moeLayers = layers - denseLayerCount(configuration);
  const { rows, hidden } = travelling(configuration);
  // Training's other micro-batch goes backward through the same collectives.
  const payloadBytes = moeLayers * rows * (2 * hidden * 4 + ROUTING_BYTES_PER_ROW) * (family === 'training' ? 1.5 : 1);
  const events = program.operations.filter((operation) => operation.recorded);
  const tokensOf = (op: Operation): number =>
    program.roles[op.role].attends ? microBatches[op.microBatch].tokens * ranksOf(op) : 0;
  const modelledBytes = transferOperations(program)
    .filter((operation) => operation.recorded)
    .reduce((sum, op) => sum + modelledBytesOf(op, configuration, program.roles[op.role].groupRanks, tokensOf(op)), 0);
  const kernels = events.reduce((sum, operation) => sum + operation.kernels.length * ranksOf(operation), 0);
  return {
    ranks,
    nodes: nodeCount(configuration),
    workers: workersOf(configuration),
    operationsPerRank: Math.max(
      ...program.roles.map((_, index) => program.operations.filter(({ role }) => role === index).length),
    ),
    kernels,
    tokensPerLayer:
      tokensPerRank(configuration) * (configuration.pipeline === undefined ? attending : tokenRanks(configuration)),
    modelledBytes,
    payloadBytes,
    memoryBytes: predictMemoryBytes(configuration),
    traceEvents: kernels + events.reduce((sum, operation) => sum + ranksOf(operation), 0),
  };
}

/** The text of `run --dry-run`. */
export function dryRunText(configuration: Configuration, prediction: Prediction): string {
  const giga = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
  const shown = {
    ...shownConfiguration(configuration),
    hardware: configuration.hardware.name,
    model: configuration.model.name,
    schedule: `${configuration.schedule.phases.length} phases a row`,
    kernels: `${Object.keys(configuration.kernels).length} lists, named by the schedule's phases`,
  };
  return [
    JSON.stringify(shown, null, 2),
    '',
    `ranks       ${prediction.ranks} on ${prediction.nodes} nodes, in ${prediction.workers} worker processes`,
    `program     ${prediction.operationsPerRank} operations a rank; ${prediction.kernels} kernels, ${prediction.traceEvents} trace events before flows`,
    `bytes       at most ${giga(prediction.modelledBytes)} modelled, ${giga(prediction.payloadBytes)} of real payload`,
    `GPU memory  ${memoryText(memoryOf(configuration))}`,
    `memory      about ${giga(prediction.memoryBytes)} over all processes`,
    '',
  ].join('\n');
}
