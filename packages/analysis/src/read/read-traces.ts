import { BadInputError, counted, messageOf } from '@epemu/core';
import { lowLatencyKind } from '../halves/low-latency.js';
import { tellHalves } from '../halves/tell-halves.js';
import type { KernelRoles } from '../kernel-role.js';
import type { InputProblem, RunFacts, TraceSet } from '../model.js';
import { buildRank, orderRank } from './build-rank.js';
import type { RankSource } from './build-rank.js';
import type { NameTable } from './collector.js';
import { IdentityTable } from './identity-table.js';
import { inputFiles } from './input-files.js';
import { launchesOf } from '../phases/annotated.js';
import { checkOneJob } from './jobs.js';
import { lookalikeProblems } from './lookalikes.js';
import { overlapProblems } from './overlapping.js';
import { missingRanks, rankSources } from './rank-sources.js';
import { TraceReader } from './read-file.js';
import type { ReadFile, ReadOptions } from './read-file.js';
import { noSuchStep, onlyStep } from './steps.js';

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
    const isLowLatency = names[name].includes('internode_ll') || lowLatencyKind(names[name]) !== undefined;
    if (collective?.role !== 'transfer' || isLowLatency) continue;
    // Without its grid nothing is known of what a transfer leaves.
    if (!(blocks >= 1)) return facts;
    if (blocks >= gpuSms) continue;
    communicationSms = Math.max(communicationSms, blocks);
  }
  return { ...facts, communicationSms, computeSms: gpuSms - communicationSms };
}

/** @returns what each rank did in one step, without ranks that did nothing. @throws BadInputError where none did. */
function sourcesOfStep(sources: readonly RankSource[], step: number): RankSource[] {
  const within = sources
    .map((source) => {
      const { gpu, collector } = source;
      return { ...source, gpu: onlyStep(gpu, collector, launchesOf(gpu, collector), step) };
    })
    .filter(({ gpu }) => gpu.kernels.count > 0);
  if (within.length > 0) return within;
  throw noSuchStep(
    step,
    sources.map(({ collector }) => collector),
  );
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
 * @throws BadInputError where nothing can be read of any of them, or files are of different jobs.
 */
export async function readTraces(
  paths: readonly string[],
  roles: KernelRoles,
  { mostKernels, anyJob, step, onProgress }: ReadOptions,
): Promise<TraceSet> {
  const { files: inputs, problems: found } = inputFiles(paths);
  let done = 0;
  const reader = new TraceReader(mostKernels, (file, events) => {
    onProgress?.({ file, events, done, files: inputs.length });
  });
  for (const file of inputs) {
    await reader.read(file);
    done++;
  }
  const { files, names } = reader;
  const problems = [...found, ...reader.problems];
  if (files.length === 0) throw nothingRead(paths, problems);
  if (!anyJob) checkOneJob(files);
  const all = rankSources(files, problems);
  const sources = step === undefined ? all : sourcesOfStep(all, step);
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
  // What a file lists of its kernels needs no guess.
  if (unlisted.length > 0) problems.push(...lookalikeProblems(identities.list, unlisted[0].source.file));
  const isSet = inputs.length > 1 || inputs.some(({ named }) => !named);
  problems.push(
    ...missingRanks(
      ranks.map(({ rank }) => rank),
      facts.worldSize,
      isSet,
    ),
  );
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
