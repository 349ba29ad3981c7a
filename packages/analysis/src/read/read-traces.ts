import { BadInputError, counted, messageOf } from '@epemu/core';
import { readTraceBatches } from '@epemu/trace';
import { tellHalves } from '../halves/tell-halves.js';
import type { KernelRoles } from '../kernel-role.js';
import type { BytesTo } from '@epemu/timeline';
import type { InputProblem, RunFacts, TraceSet } from '../model.js';
import { buildRank, orderRank } from './build-rank.js';
import type { RankSource } from './build-rank.js';
import { FileCollector, NameTable } from './collector.js';
import type { RawGpu } from './collector.js';
import { fileMetadata } from './file-metadata.js';
import type { FileMetadata } from './file-metadata.js';
import { IdentityTable } from './identity-table.js';
import { inputFiles } from './input-files.js';
import type { InputFile } from './input-files.js';
import { overlapProblems } from './overlapping.js';

const MICROSECOND = 1000;

/** How far reading is. */
export interface ReadProgress {
  readonly file: string;
  /** Events of the file so far. */
  readonly events: number;
  /** Files that are done, and all of them. */
  readonly done: number;
  readonly files: number;
}

/** What reading is told beside paths. */
interface ReadOptions {
  /** How many kernels are kept of all files; reading stops behind them, and says so. */
  readonly mostKernels: number;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
}

/** A file's GPUs with what the file says of itself. */
interface ReadFile {
  readonly path: string;
  readonly metadata: FileMetadata;
  readonly collector: FileCollector;
}

function tooMany(path: string, mostKernels: number, events: number): BadInputError {
  const message = `${path}: more than ${mostKernels} kernels are not kept; what comes after event ${events} is left out: analyse fewer steps or ranks at once`;
  return new BadInputError(path, message);
}

/** Reads the files one after the other; holds numbers of kernels, not events. */
class TraceReader {
  readonly names = new NameTable();
  readonly problems: InputProblem[] = [];
  readonly files: ReadFile[] = [];
  readonly #mostKernels: number;
  readonly #tell: (path: string, events: number) => void;
  #kernels = 0;

  constructor(mostKernels: number, tell: (path: string, events: number) => void) {
    this.#mostKernels = mostKernels;
    this.#tell = tell;
  }

  async read({ path, named }: InputFile): Promise<void> {
    const collector = new FileCollector(this.names);
    let text = '{}';
    const damaged = (error: BadInputError): void => {
      this.problems.push({ file: path, message: error.message, partial: true });
    };
    try {
      const batches = readTraceBatches(path, {
        onMetadata: (metadata) => {
          text = metadata;
        },
        onDamage: damaged,
      });
      for await (const batch of batches) {
        for (const event of batch) collector.take(event);
        this.#tell(path, collector.events);
        if (this.#kernels + collector.kernels <= this.#mostKernels) continue;
        damaged(tooMany(path, this.#mostKernels, collector.events));
        break;
      }
    } catch (error) {
      // Where not even the events have begun, the other files may still be read.
      if (!(error instanceof BadInputError)) throw error;
      damaged(error);
    }
    this.#kernels += collector.kernels;
    if (collector.kernels === 0) {
      this.#noKernels(path, named, collector);
      return;
    }
    const { untimed } = collector;
    if (untimed !== undefined) {
      const { count } = untimed;
      const what = `${counted(count, 'kernel')} of ${path} without usable times ${count === 1 ? 'is' : 'are'} left out`;
      const first = `the first is event ${untimed.index}, ${untimed.name}`;
      this.problems.push({
        file: path,
        message: `${what}: each needs "ph": "X", and "ts" and "dur" in µs that are numbers, at most 285 years from the others, "dur" of 0 or more; ${first}`,
        partial: true,
      });
    }
    this.files.push({ path, metadata: fileMetadata(text), collector });
  }

  #noKernels(path: string, named: boolean, { untimed }: FileCollector): void {
    if (this.problems.at(-1)?.file === path) return;
    const why =
      untimed === undefined
        ? 'has no kernels: none of its "traceEvents" has "cat": "kernel"; record it with ProfilerActivity.CUDA'
        : `has no kernels with usable times: each needs "ph": "X", "ts", and "dur" of 0 or more (event ${untimed.index}, ${untimed.name}); record it again`;
    this.problems.push({ file: path, message: `${path} ${why}`, partial: named });
  }
}

/** GPUs of a file in the order of their processes; a background network's process belongs to the only GPU. */
function gpusOf({ collector }: ReadFile): [number | string, RawGpu][] {
  const gpus = [...collector.gpus].filter(([, { kernels }]) => kernels.count > 0);
  if (gpus.length === 1) {
    for (const [pid, { transfers }] of collector.gpus) if (pid !== gpus[0][0]) gpus[0][1].transfers.push(...transfers);
  }
  return gpus;
}

/** Rank that a process of several in one file says it is. */
function namedRank(name: string | undefined): number | undefined {
  const digits = /\brank[ _-]*(\d+)/i.exec(name ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** @returns the bytes that kernels' args tell of; undefined where they tell none. */
function argsBytes({ sentBytes }: RawGpu): BytesTo | undefined {
  if (sentBytes.size === 0) return undefined;
  const other: number[] = [];
  for (const sent of sentBytes.values()) sent.forEach((bytes, rank) => (other[rank] = (other[rank] ?? 0) + bytes));
  return { rdma: [], nvlink: [], other };
}

/** Decides which rank each GPU is; a rank that is claimed twice keeps the first. */
function rankSources(files: readonly ReadFile[], problems: InputProblem[]): RankSource[] {
  const claimed = new Map<number, RankSource>();
  const unnamed: Omit<RankSource, 'rank'>[] = [];
  // Times count from the first of all origins until readTraces moves them to where the first kernel starts.
  const baseOf = ({ metadata, collector }: ReadFile): number => metadata.baseUs + (collector.originUs ?? 0);
  const originUs = Math.min(...files.map(baseOf));
  for (const file of files) {
    const gpus = gpusOf(file);
    const { collector, metadata, path } = file;
    const shiftNs = Math.round((baseOf(file) - originUs) * MICROSECOND);
    for (const [pid, gpu] of gpus) {
      const rank =
        gpus.length === 1
          ? (metadata.rank ?? namedRank(collector.processNames.get(pid)))
          : namedRank(collector.processNames.get(pid));
      const source = {
        file: path,
        pid,
        gpu,
        collector,
        bytesTo: metadata.bytesTo.get(rank ?? -1) ?? argsBytes(gpu),
        listed: metadata.listed,
        shiftNs,
      };
      if (rank === undefined) {
        unnamed.push(source);
        continue;
      }
      const before = claimed.get(rank);
      if (before === undefined) claimed.set(rank, { ...source, rank });
      else {
        const message = `${path} claims rank ${rank}, which ${before.file} has already; it is left out: give one trace a rank`;
        problems.push({ file: path, message, partial: true });
      }
    }
  }
  let free = 0;
  for (const source of unnamed) {
    while (claimed.has(free)) free++;
    claimed.set(free, { ...source, rank: free });
    if (files.length + unnamed.length > 2) {
      const message = `${source.file} (process ${source.pid}) does not say which rank it is; it counts as rank ${free}`;
      problems.push({ file: source.file, message, partial: false });
    }
  }
  return [...claimed.values()].sort((a, b) => a.rank - b.rank);
}

/** @returns what the first file that says something says, each fact by itself. */
function factsOf(files: readonly ReadFile[]): RunFacts {
  const [first, ...others] = files.map(({ metadata }) => metadata.facts);
  return others.reduce<RunFacts>((facts, other) => {
    const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
    const operations = facts.operations.length > 0 ? facts.operations : other.operations;
    return { ...other, ...known, operations };
  }, first);
}

/**
 * @returns the facts with how SMs are divided, where the trace tells it by the grids of its transfer kernels, one block
 * an SM: what these leave is for computation. Low-latency kernels hold none between their halves.
 */
function withSms(facts: RunFacts, sources: readonly RankSource[], { names }: NameTable, roles: KernelRoles): RunFacts {
  const { gpuSms } = facts;
  if (gpuSms === undefined || facts.computeSms !== undefined) return facts;
  let communicationSms = 0;
  for (const [name, blocks] of sources[0].gpu.blocks) {
    const { collective } = roles.of(names[name]);
    const isLowLatency = names[name].includes('internode_ll');
    if (collective?.role !== 'transfer' || isLowLatency) continue;
    // Without its grid nothing is known of what a transfer leaves.
    if (!(blocks >= 1)) return facts;
    if (blocks >= gpuSms) continue;
    communicationSms = Math.max(communicationSms, blocks);
  }
  return { ...facts, communicationSms, computeSms: gpuSms - communicationSms };
}

/** @returns when the earliest kernel or transfer of all starts, ns. */
function firstNs(sources: readonly RankSource[]): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { gpu, shiftNs } of sources) {
    for (const startNs of gpu.kernels.column('startNs')) first = Math.min(first, startNs + shiftNs);
    for (const { startNs } of gpu.transfers) first = Math.min(first, startNs + shiftNs);
  }
  return first;
}

/**
 * Reads traces of one run: a file a rank, or all ranks in one file; emulated or captured.
 *
 * @param paths files and folders.
 * @throws BadInputError where nothing can be read of any of them.
 */
export async function readTraces(
  paths: readonly string[],
  roles: KernelRoles,
  { mostKernels, onProgress }: ReadOptions,
): Promise<TraceSet> {
  const inputs = inputFiles(paths);
  let done = 0;
  const reader = new TraceReader(mostKernels, (file, events) => {
    onProgress?.({ file, events, done, files: inputs.length });
  });
  for (const file of inputs) {
    await reader.read(file);
    done++;
  }
  const { files, problems, names } = reader;
  if (files.length === 0) throw nothingRead(paths, problems);
  const sources = rankSources(files, problems);
  const facts = withSms(factsOf(files), sources, names, roles);
  const emulated = files.some(({ metadata }) => metadata.emulated);
  // Emulated time has its own zero, which is the run's start; captured time starts with the first kernel.
  const zeroNs = emulated ? 0 : firstNs(sources);
  const ordered = sources.map((source) => orderRank({ ...source, shiftNs: source.shiftNs - zeroNs }));
  // What a file lists needs no telling.
  const unlisted = ordered.filter(({ source }) => source.listed.kernels.length === 0);
  tellHalves(unlisted, names, roles);
  const identities = new IdentityTable(names, roles);
  const operations = new Map(facts.operations.map((operation) => [operation.id, operation]));
  const ranks = ordered.map((rank) => buildRank(rank, identities, operations));
  problems.push(...overlapProblems(ranks));
  return {
    ranks,
    identities: identities.list,
    facts,
    source: emulated ? 'emulated' : 'captured',
    files: files.map(({ path }) => path),
    problems,
  };
}

function nothingRead(paths: readonly string[], problems: readonly InputProblem[]): BadInputError {
  const [first, ...others] = problems;
  const more = others.length === 0 ? '' : ` (and ${counted(others.length, 'other file')} with nothing to analyse)`;
  return new BadInputError(paths[0], `${first === undefined ? messageOf('no trace was given') : first.message}${more}`);
}
