import type { FigureReport } from '@epemu/analysis';
import {
  denseLayerCount,
  eplbShapeOf,
  isAutoregressive,
  kvLengthAt,
  memoryOf,
  microBatchesOfRanks,
  nodeCount,
  rolesOf,
  tokenRanks,
  unequalParts,
} from '@epemu/config';
import type { Configuration, MemoryUse } from '@epemu/config';
import { EPEMU_VERSION, mean } from '@epemu/core';
import type { LinkPort } from '@epemu/presets';
import { calibrationRows } from '@epemu/published';
import type { CalibrationRow } from '@epemu/published';
import { eplbPolicy } from '@epemu/routing';
import type { EplbPolicy } from '@epemu/routing';
import type { PipelineReport } from './pipeline-figures.js';
import { statementOf } from '@epemu/trace';
import type { NumericsTotals } from '@epemu/rank';

/** What of a run happened on the host. Times in seconds. */
export interface HostFigures {
  readonly wallSeconds: number;
  readonly startupSeconds: number;
  readonly emulateSeconds: number;
  readonly mergeSeconds: number;
  readonly messagesPerSecond: number;
  /** Largest resident set of any process of the run, and of the coordinator. */
  readonly peakRssBytes: number;
  readonly coordinatorPeakRssBytes: number;
  readonly wireFrames: number;
  /** Over the merged trace and all rank files. */
  readonly traceEvents: number;
  readonly traceBytesUnpacked: number;
  readonly processes: number;
}

/** Modelled bytes, and messages and bytes that really went over sockets. */
export interface Traffic {
  /** Over links between nodes. */
  readonly rdmaBytes: number;
  /** Over links inside a node. */
  readonly nvlinkBytes: number;
  /** By link, as the hardware preset lists them. */
  readonly links: readonly { readonly link: string; readonly bytes: number }[];
  readonly wireMessages: number;
  readonly wireBytes: number;
}

/** @returns what the links carried. @param bytes by link of the hardware preset. */
export function linkTraffic(
  { hardware }: Configuration,
  bytes: readonly number[],
): Pick<Traffic, 'rdmaBytes' | 'nvlinkBytes' | 'links'> {
  const carried = Object.entries(hardware.ports).map(([link, { reach }], index) => {
    return { link, reach, bytes: bytes[index] ?? 0 };
  });
  const reaching = (reach: LinkPort['reach']): number =>
    carried.filter((port) => port.reach === reach).reduce((sum, port) => sum + port.bytes, 0);
  return {
    rdmaBytes: reaching('cluster'),
    nvlinkBytes: reaching('node'),
    links: carried.map(({ link, bytes: sum }) => ({ link, bytes: sum })),
  };
}

/** `report.json`, see docs/formats.md. */
export interface Report {
  readonly schema: 'epemu-report/1';
  readonly epemuVersion: string;
  readonly scenario: string;
  readonly ranks: number;
  readonly nodes: number;
  readonly layers: number;
  readonly seed: number;
  readonly routing: string;
  readonly overlap: string;
  readonly fabric: 'websocket' | 'memory';
  readonly ranksPerWorker: number;
  readonly status: 'ok' | 'failed';
  readonly error?: string;
  readonly statement: { readonly real: string; readonly modelled: string };
  readonly digest: string | null;
  readonly timeline: FigureReport['timeline'] | null;
  readonly steady: FigureReport['steady'] | null;
  readonly phases: FigureReport['phases'];
  readonly kernels: FigureReport['kernels'];
  /** Share of notify, which waits for the slowest rank, in the busy time of the communication stream, %. */
  readonly notifyPctOfComm: number | null;
  readonly ranksSummary: FigureReport['ranksSummary'];
  readonly imbalance: FigureReport['imbalance'];
  /** What was made unequal about ranks and links, in words; none where nothing was. */
  readonly unequal: readonly string[];
  /** How EPLB placed experts, and the fullest rank over the mean with and without it, mean over layers; absent without EPLB. */
  readonly eplb?: EplbFigures;
  /** Each step's figures; `kvLength` of decode alone. */
  readonly steps: readonly (FigureReport['steps'][number] & { readonly kvLength?: number })[];
  /** Of a pipeline: its ranks beside what is published of its schedule. */
  readonly pipeline?: PipelineReport;
  /** Null when the run did not finish. */
  readonly throughput: Throughput | null;
  readonly traffic: Traffic;
  /** What the fullest GPU holds of the whole model and its batch, against what it has. */
  readonly memory: MemoryUse;
  readonly numerics: NumericsTotals;
  readonly host: HostFigures;
  /** Published figures that apply to the configuration, beside the emulated ones; none of a run that did not finish. */
  readonly calibration: readonly CalibrationRow[];
  readonly finding: string | null;
}

/** See {@link Report.eplb}; of a run that recorded no dispatch the ratios are null. */
export interface EplbFigures {
  readonly policy: EplbPolicy;
  /** Of one layer: one of each expert, and the redundant ones. */
  readonly replicas: number;
  readonly redundantExperts: number;
  readonly rankMaxOverMean: number | null;
  readonly rankMaxOverMeanWithout: number | null;
}

function eplbOf(configuration: Configuration, figures: FigureReport | undefined): { eplb?: EplbFigures } {
  if (configuration.eplb !== true) return {};
  const shape = eplbShapeOf(configuration, rolesOf(configuration)[0].group);
  const layers = figures?.imbalance ?? [];
  const over = (of: readonly number[]): number | null => (of.length === 0 ? null : round(mean(of), 4));
  return {
    eplb: {
      policy: shape.nodes === 1 && shape.groups === 1 ? 'global' : eplbPolicy(shape),
      replicas: shape.replicas,
      redundantExperts: configuration.redundantExperts ?? 0,
      rankMaxOverMean: over(layers.map(({ rankMaxOverMean }) => rankMaxOverMean)),
      rankMaxOverMeanWithout: over(layers.flatMap(({ withoutEplb }) => withoutEplb?.rankMaxOverMean ?? [])),
    },
  };
}

/** For the whole model, see {@link throughputOf}. */
export interface Throughput {
  readonly tokensPerSecondPerGpu: number;
  readonly tokensPerSecondPerNode: number;
  readonly stepMs: number;
  readonly tpotMs?: number;
}

/**
 * Time of one step of the whole model, µs. A whole-model run has dense layers: their own time, plus the steady time of
 * a MoE layer (the last, which drains, left out) for each MoE layer; in training the cell times as they are. Any other
 * run knows nothing of dense layers and counts each as a MoE layer, which is too long for 3 layers of 61.
 *
 * Of several steps, or several passes over the layers a step as those of a pipeline, the time of one is what all take, divided by
 * them.
 *
 * Training without overlap has a layer's backward a chunk after its forward, so that no steady window holds both: its
 * layer time is the run's span over its layers.
 */
function stepMicroseconds(configuration: Configuration, { timeline, steady, layerTimes }: FigureReport): number {
  const { model, family, layers, overlap, steps, schedule, pipeline } = configuration;
  const passes = schedule.passes?.length ?? 1;
  if (passes > 1 || pipeline !== undefined || (steps > 1 && layers === model.layers)) {
    return (timeline.spanUs / steps / layers) * model.layers;
  }
  if (family === 'training' && overlap === 'none') return (timeline.spanUs / layers) * model.layers;
  if (denseLayerCount(configuration) === 0) return steady.layerUs.mean * model.layers;
  const total = (times: FigureReport['layerTimes']): number => times.reduce((sum, { us }) => sum + us, 0);
  if (family === 'training') return total(layerTimes);
  const dense = layerTimes.filter((layer) => layer.dense);
  const moe = layerTimes.filter((layer) => !layer.dense);
  const steadyMoe = moe.length > 1 ? moe.slice(0, -1) : moe;
  // Where the phase that marks a layer is absent in dense ones, they are what comes before the first mark.
  const denseUs = dense.length > 0 ? total(dense) : timeline.spanUs - total(moe);
  return (total(steadyMoe) / steadyMoe.length) * moe.length + denseUs;
}

/** Throughput of the whole model, from the time of one step, see {@link stepMicroseconds}. */
export function throughputOf(configuration: Configuration, figures: FigureReport): Throughput {
  return throughputOfStep(configuration, stepMicroseconds(configuration, figures));
}

/**
 * Throughput of the whole model whose step takes `stepUs` µs. Training counts the tokens of
 * one micro-batch over the cells of all layers, as if one GPU held them: no bubble, no optimiser. Decoding, which has
 * `tpotMs`, is inference through low-latency collectives.
 */
export function throughputOfStep(configuration: Configuration, stepUs: number): Throughput {
  const { family, hardware, ranks, schedule, pipeline } = configuration;
  // Of each rank where these have work of their own.
  const ofRanks = microBatchesOfRanks({ ...configuration, steps: 1 }).map((batches) => {
    // Training's other micro-batch goes backward: of the two, one goes all the way in a step.
    const isPair = family === 'training' && schedule.passes === undefined && pipeline === undefined;
    const counted = isPair ? batches.slice(0, 1) : batches;
    return counted.reduce((sum, batch) => sum + batch.tokens, 0);
  });
  const tokens = mean(ofRanks);
  const perGpu = (tokens * (tokenRanks(configuration) / ranks) * 1e6) / stepUs;
  const isDecode = family === 'inference' && schedule.phases.some((phase) => phase.collective?.mode === 'low-latency');
  return {
    tokensPerSecondPerGpu: round(perGpu, 1),
    tokensPerSecondPerNode: round(perGpu * Math.min(hardware.nodeSize, ranks), 1),
    stepMs: round(stepUs / 1000, 3),
    ...(isDecode ? { tpotMs: round(stepUs / 1000, 3) } : {}),
  };
}

function stepsOf(configuration: Configuration, figures: FigureReport | undefined): Report['steps'] {
  if (!isAutoregressive(configuration)) return figures?.steps ?? [];
  return (figures?.steps ?? []).map((figure) => ({ ...figure, kvLength: kvLengthAt(configuration, figure.step) }));
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Puts a report together. */
export function buildReport(parts: {
  configuration: Configuration;
  digest: string | null;
  error?: string;
  figures: FigureReport | undefined;
  pipeline?: PipelineReport | undefined;
  traffic: Traffic;
  numerics: NumericsTotals;
  host: HostFigures;
  finding: string | null;
}): Report {
  const { configuration, digest, error, figures, pipeline, traffic, numerics, host, finding } = parts;
  const { scenario, ranks, layers, seed, routing, overlap, fabric, ranksPerWorker } = configuration;
  // Layers that only some ranks came to would count as the model's.
  const finished = digest === null ? undefined : figures;
  const throughput = finished === undefined ? null : throughputOf(configuration, finished);
  return {
    schema: 'epemu-report/1',
    epemuVersion: EPEMU_VERSION,
    scenario,
    ranks,
    nodes: nodeCount(configuration),
    layers,
    seed,
    routing,
    overlap,
    fabric,
    ranksPerWorker,
    status: error === undefined ? 'ok' : 'failed',
    ...(error === undefined ? {} : { error }),
    statement: statementOf(configuration),
    digest,
    timeline: figures?.timeline ?? null,
    steady: figures?.steady ?? null,
    phases: figures?.phases ?? [],
    kernels: figures?.kernels ?? [],
    notifyPctOfComm: figures?.notifyPctOfComm ?? null,
    ranksSummary: figures?.ranksSummary ?? [],
    imbalance: figures?.imbalance ?? [],
    unequal: unequalParts(configuration).map(({ text }) => text),
    ...eplbOf(configuration, figures),
    steps: stepsOf(configuration, figures),
    ...(pipeline === undefined ? {} : { pipeline }),
    throughput,
    traffic,
    memory: memoryOf(configuration),
    numerics: {
      ...numerics,
      maxRelativeError: Number.isFinite(numerics.maxRelativeError) ? numerics.maxRelativeError : 1e300,
    },
    host,
    calibration: finished === undefined ? [] : calibrationRows(configuration, { figures: finished, throughput }),
    finding,
  };
}
