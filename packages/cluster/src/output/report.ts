import { denseLayerCount, microBatchesOf, nodeCount } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import type { FigureReport } from '@epemu/timeline';
import type { Numerics } from '../control/messages.js';
import { EPEMU_VERSION } from '../version.js';

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
  readonly rdmaBytes: number;
  readonly nvlinkBytes: number;
  readonly wireMessages: number;
  readonly wireBytes: number;
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
  readonly ranksSummary: FigureReport['ranksSummary'];
  readonly imbalance: FigureReport['imbalance'];
  readonly throughput: Throughput | null;
  readonly traffic: Traffic;
  readonly numerics: Numerics;
  readonly host: HostFigures;
  readonly calibration: readonly never[];
  readonly finding: string | null;
}

/** For the whole model, see {@link throughputOf}. */
export interface Throughput {
  readonly tokensPerSecondPerGpu: number;
  readonly tokensPerSecondPerNode: number;
  readonly stepMs: number;
  readonly tpotMs?: number;
}

/** Which of a run is real and which is modelled, in the words of every report and of the README. */
export const STATEMENT = {
  real: 'processes, sockets, frames, bytes of the emulated payload, routing, token placement, arithmetic on the emulated hidden size',
  modelled: 'kernel durations, link bandwidth and latency, SM shares',
} as const;

/**
 * Throughput of the whole model: the steady layer time for each of its MoE layers plus its dense layers. A run without
 * dense layers lets these take a MoE layer's time without its communication: the sum of its compute phases' means.
 * Training counts one micro-batch's tokens over the cells of all layers, as if one GPU held them: no bubble, no
 * optimiser.
 */
export function throughputOf(configuration: Configuration, figures: FigureReport): Throughput {
  const { model, family, layers, hardware, ranks, schedule } = configuration;
  const moeLayerUs = figures.steady.layerUs.mean;
  const dense = figures.layerTimes.filter((layer) => layer.dense);
  // Training without overlap: a layer's cell is its forward and, a chunk later, its backward.
  const cellUs =
    configuration.family === 'training' && configuration.overlap === 'none'
      ? figures.timeline.spanUs / layers
      : moeLayerUs;
  const denseUs =
    denseLayerCount(configuration) > 0 && dense.length > 0
      ? dense.reduce((sum, layer) => sum + layer.us, 0) / dense.length
      : cellUs;
  const stepUs = cellUs * (model.layers - model.denseLayers) + denseUs * model.denseLayers;
  const batches = microBatchesOf(configuration);
  const tokens = family === 'training' ? batches[0].tokens : batches.reduce((sum, batch) => sum + batch.tokens, 0);
  const perGpu = (tokens * 1e6) / stepUs;
  const isDecode = family === 'inference' && configuration.promptLengths === undefined;
  return {
    tokensPerSecondPerGpu: round(perGpu, 1),
    tokensPerSecondPerNode: round(perGpu * Math.min(hardware.nodeSize, ranks), 1),
    stepMs: round(stepUs / 1000, 3),
    ...(isDecode && schedule.microBatches > 0 ? { tpotMs: round(stepUs / 1000, 3) } : {}),
  };
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
  traffic: Traffic;
  numerics: Numerics;
  host: HostFigures;
  finding: string | null;
}): Report {
  const { configuration, digest, error, figures, traffic, numerics, host, finding } = parts;
  const { scenario, ranks, layers, seed, routing, overlap, fabric, ranksPerWorker } = configuration;
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
    statement: STATEMENT,
    digest,
    timeline: figures?.timeline ?? null,
    steady: figures?.steady ?? null,
    phases: figures?.phases ?? [],
    ranksSummary: figures?.ranksSummary ?? [],
    imbalance: figures?.imbalance ?? [],
    throughput: figures === undefined ? null : throughputOf(configuration, figures),
    traffic,
    numerics: {
      ...numerics,
      maxRelativeError: Number.isFinite(numerics.maxRelativeError) ? numerics.maxRelativeError : 1e300,
    },
    host,
    calibration: [],
    finding,
  };
}
