import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { BadInputError, FILE_LIMITS, messageOf, mostOf, readRegularFile } from '@epemu/core';
import { rankName } from '@epemu/trace';
import { rankFileName } from './folder.js';
import { memberOf, memberOfGzip, ZipFile } from './zip-file.js';

/** What an archive says of the run that it was made of. */
export interface ArchivedRun {
  readonly folder: string;
  /** As its folder is called. */
  readonly name: string;
  readonly scenario: string;
  readonly ranks: number;
  /** GPUs of a node. */
  readonly nodeSize: number;
}

/** @returns what a file may unpack to: as little as anything else that is read of it. */
function mostUnpacked(packedBytes: number): number {
  return Math.min(mostOf(FILE_LIMITS.trace), Math.max(1 << 26, packedBytes * mostOf(FILE_LIMITS.gzipRatio)));
}

/** @returns the name of a rank's trace in the archive; not packed, or Perfetto would take it for an archive of its own. */
function memberName(rank: number): string {
  return basename(rankFileName(rank), '.gz');
}

/**
 * Perfetto's trace manifest, version 1: a machine for each rank, and the clocks of all files as the first one's. Chrome's
 * JSON has no clock that Perfetto could relate by itself.
 */
export function perfettoManifest(run: ArchivedRun, ranks: readonly number[]): string {
  const [first] = ranks;
  const files = ranks.map((rank) => ({
    path: memberName(rank),
    machine: { name: rankName(run, rank) },
    ...(rank === first ? {} : { clocks: { sync_to: { file: memberName(first) }, offset_ns: 0 } }),
  }));
  const attributes = { 'epemu.run': run.name, 'epemu.scenario': run.scenario, 'epemu.ranks': run.ranks };
  // Perfetto tells a manifest by how it begins: without a blank, this key first.
  return JSON.stringify({ perfetto_manifest: { version: 1, files, attributes } });
}

/**
 * Puts ranks' traces into one archive with Perfetto's manifest.
 *
 * @param signal ends it between ranks. @throws its reason; BadInputError of a trace that cannot be read.
 * @returns the archive's bytes.
 */
export async function writePerfettoArchive(
  run: ArchivedRun,
  ranks: readonly number[],
  out: string,
  signal?: AbortSignal,
): Promise<number> {
  const zip = new ZipFile(out);
  try {
    zip.add('perfetto_manifest.json', memberOf(Buffer.from(perfettoManifest(run, ranks))));
    for (const rank of ranks) {
      await turn();
      signal?.throwIfAborted();
      const file = join(run.folder, rankFileName(rank));
      const packed = attempt(file, () => readRegularFile(file, FILE_LIMITS.trace));
      zip.add(
        memberName(rank),
        attempt(file, () => memberOfGzip(packed, mostUnpacked(packed.length))),
      );
    }
    return zip.close();
  } catch (error) {
    zip.discard();
    throw error;
  }
}

function attempt<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new BadInputError(file, `${file} cannot be read (${messageOf(cause)}); run it again`, { cause });
  }
}

/** @returns which ranks a run left traces of, ascending. */
export function tracedRanks({ folder, ranks }: ArchivedRun): number[] {
  const all = Array.from({ length: ranks }, (_, rank) => rank);
  return all.filter((rank) => existsSync(join(folder, rankFileName(rank))));
}
