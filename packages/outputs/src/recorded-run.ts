import type { Configuration } from '@epemu/config';
import type { Operation, Program } from '@epemu/schedule';
import type { RankRecord } from '@epemu/timeline';

/** What `replay` reads. */
export interface RecordedRun {
  readonly configuration: Configuration;
  readonly program: Program;
  /** The digest of the run that was recorded. */
  readonly digest: string;
  readonly records: readonly RankRecord[];
}

const KINDS: ReadonlySet<unknown> = new Set<Operation['kind']>(['compute', 'collective', 'issue', 'wait']);

function isIndex(value: unknown, limit: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < limit;
}

/** @throws Error saying what of a program cannot be: it comes from a file, whatever its type says. */
function checkProgram({ launch, kernels, operations, streams, layerMarker }: Program): void {
  if (!['eager', 'graph'].includes(launch) || typeof layerMarker !== 'string') throw new Error('it has no program');
  if (![kernels, operations, streams].every(Array.isArray)) throw new Error('its program is not complete');
  const streamIds = new Set(streams.map(({ id }) => id));
  operations.forEach((operation, index) => {
    const wrong = (what: string): Error => new Error(`operation ${index} of its program ${what}`);
    const { id, phase, kind, stream, row, layer, gates, beside, kernels: ofOperation, issue } = operation;
    if (id !== index) throw wrong('has another number');
    if (typeof phase !== 'string' || !KINDS.has(kind)) throw wrong('has no phase or kind');
    if (!streamIds.has(stream)) throw wrong('is on a stream that there is not');
    if (!Number.isInteger(row) || !Number.isInteger(layer)) throw wrong('has no row or layer');
    for (const ids of [gates, beside, ...(issue === undefined ? [] : [[issue]])]) {
      if (!Array.isArray(ids) || !ids.every((other) => isIndex(other, operations.length)))
        throw wrong('refers to one that there is not');
    }
    if (!Array.isArray(ofOperation)) throw wrong('has no kernels');
    if ((kind === 'collective' || kind === 'issue') && typeof operation.collective !== 'object')
      throw wrong('has no collective');
  });
}

/** @throws Error saying what of a run that was read from a file cannot be. */
export function checkRecorded({ configuration, program, records, digest }: RecordedRun): void {
  checkProgram(program);
  // A run that did not finish has the ranks that handed something over.
  if (digest === '') return;
  if (records.length !== configuration.ranks) {
    throw new Error(`it has ${records.length} ranks, its configuration ${configuration.ranks}`);
  }
  records.forEach(({ rank }, index) => {
    if (rank !== index) throw new Error(`rank ${rank} stands where rank ${index} should`);
  });
}
