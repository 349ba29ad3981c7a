import { counted } from '@epemu/core';
import type { BytesTo } from '@epemu/timeline';
import type { InputProblem } from '../model.js';
import type { RankSource } from './build-rank.js';
import type { RawGpu } from './collector.js';
import { ranksByName } from './rank-name.js';
import type { ReadFile } from './read-file.js';
import { firstReplica } from './replicas.js';

const MICROSECOND = 1000;

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

/** @returns whether two files have the same kernels at the same times: one is the other, packed or copied. */
function isDouble(a: RankSource, b: RankSource): boolean {
  const columns = (['startNs', 'endNs', 'name'] as const).map((column) => {
    return [a.gpu.kernels.column(column), b.gpu.kernels.column(column)] as const;
  });
  return (
    a.shiftNs === b.shiftNs &&
    columns.every(([own, other]) => own.length === other.length && own.every((value, row) => value === other[row]))
  );
}

type Unnamed = Omit<RankSource, 'rank'>;

/** Decides which rank each GPU is; a rank that is claimed twice keeps the first. */
class Claims {
  readonly byRank = new Map<number, RankSource>();
  readonly #problems: InputProblem[];

  constructor(problems: InputProblem[]) {
    this.#problems = problems;
  }

  add(source: RankSource): void {
    const { file, rank } = source;
    const before = this.byRank.get(rank);
    if (before === undefined) {
      this.byRank.set(rank, source);
      return;
    }
    const message = `${file} claims rank ${rank}, which ${before.file} has already; it is left out: give one trace a rank`;
    this.#problems.push({ file, message, partial: true });
  }

  /** Ranks of files that say theirs in themselves; copies are left out, and all but one of several engines. */
  addSaid(sources: readonly RankSource[]): void {
    const kept: RankSource[] = [];
    for (const source of sources) {
      const double = kept.find((other) => other.rank === source.rank && isDouble(other, source));
      if (double === undefined) kept.push(source);
      else {
        const message = `${source.file} has the same kernels as ${double.file}, and is left out`;
        this.#problems.push({ file: source.file, message, partial: false });
      }
    }
    for (const source of firstReplica(kept, this.#problems)) this.add(source);
  }

  /** Ranks of files that say none in themselves: what their names say, where all of them do; else what is free. */
  addUnnamed(unnamed: readonly Unnamed[], files: number): void {
    const byName = unnamed.length === files ? ranksByName(unnamed.map(({ file }) => file)) : undefined;
    if (byName !== undefined) {
      unnamed.forEach((source, index) => {
        this.add({ ...source, rank: byName[index] });
      });
      if (files > 1) {
        const message = `no file says which rank it is: ranks are those of their names (${unnamed[0].file} is rank ${byName[0]})`;
        this.#problems.push({ file: unnamed[0].file, message, partial: false });
      }
      return;
    }
    let free = 0;
    for (const source of unnamed) {
      while (this.byRank.has(free)) free++;
      this.byRank.set(free, { ...source, rank: free });
      if (files + unnamed.length <= 2) continue;
      const message = `${source.file} (process ${source.pid}) does not say which rank it is; it counts as rank ${free}`;
      this.#problems.push({ file: source.file, message, partial: false });
    }
  }
}

/** Decides which rank each GPU of all files is. */
export function rankSources(files: readonly ReadFile[], problems: InputProblem[]): RankSource[] {
  const claims = new Claims(problems);
  const said: RankSource[] = [];
  const unnamed: Unnamed[] = [];
  // Times count from the first of all origins until all are moved to where the first kernel starts.
  const baseOf = ({ metadata, collector }: ReadFile): number => metadata.baseUs + (collector.originUs ?? 0);
  const originUs = Math.min(...files.map(baseOf));
  for (const file of files) {
    const gpus = gpusOf(file);
    const { collector, metadata, path } = file;
    const shiftNs = Math.round((baseOf(file) - originUs) * MICROSECOND);
    for (const [pid, gpu] of gpus) {
      const named = namedRank(collector.processNames.get(pid));
      const rank = gpus.length === 1 ? (metadata.rank ?? named) : named;
      const bytesTo = metadata.bytesTo.get(rank ?? -1) ?? argsBytes(gpu);
      const isAbsolute = metadata.baseUs > 0;
      const source = { file: path, pid, gpu, collector, bytesTo, listed: metadata.listed, isAbsolute, shiftNs };
      if (rank === undefined) unnamed.push(source);
      else said.push({ ...source, rank });
    }
  }
  claims.addSaid(said);
  claims.addUnnamed(unnamed, files.length);
  return [...claims.byRank.values()].sort((a, b) => a.rank - b.rank);
}

/** Ranks named one by one in a sentence; of more the rest is counted. */
const MOST_NAMED = 8;

/** @returns which ranks of the job have no trace among several; nothing where one file was given by itself. */
export function missingRanks(ranks: readonly number[], worldSize: number | undefined, isSet: boolean): InputProblem[] {
  if (!isSet || worldSize === undefined || ranks.length >= worldSize) return [];
  const known = new Set(ranks.filter((rank) => rank < worldSize));
  const missing: number[] = [];
  // As many ranks as are known may come before the first that are not.
  for (let rank = 0; rank < worldSize && missing.length < MOST_NAMED; rank++) if (!known.has(rank)) missing.push(rank);
  const count = worldSize - known.size;
  const more = count > MOST_NAMED ? ` and ${count - MOST_NAMED} more` : '';
  const message = `of the ${counted(worldSize, 'rank')} of the job ${missing.join(', ')}${more} have no trace here: who comes last, and what waits for it, is told of the others alone`;
  return count === 0 ? [] : [{ file: '', message, partial: false }];
}
