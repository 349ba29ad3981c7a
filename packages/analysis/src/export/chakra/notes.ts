import { movesBytes } from '@epemu/timeline';
import type { TraceSet } from '../../model.js';
import { collectiveCommType } from './schema.js';
import type { Exchanges } from './exchanges.js';

/** Kernels that move bytes: how many, and of how many sizes, or Chakra's name for them, are missing. */
interface TransferCounts {
  transfers: number;
  unsized: number;
  unnamed: number;
}

function countTransfers(set: TraceSet, { byRank }: Exchanges): TransferCounts {
  const counts: TransferCounts = { transfers: 0, unsized: 0, unnamed: 0 };
  for (const view of set.ranks) {
    const receives = byRank.get(view.rank)?.receives;
    for (let row = 0; row < view.content.kernels.count; row++) {
      const identity = view.identity(row);
      if (!movesBytes(identity)) continue;
      counts.transfers++;
      if (receives?.has(row) === true) continue;
      counts.unsized++;
      if (collectiveCommType(identity.collective!.type) === undefined) counts.unnamed++;
    }
  }
  return counts;
}

/** @returns what the traces do not tell, and what is written in its place. */
export function chakraNotes(set: TraceSet, exchanges: Exchanges): string[] {
  const { transfers, unsized, unnamed } = countTransfers(set, exchanges);
  const notes: string[] = [];
  if (unsized > 0) {
    const what = `${unsized} of ${transfers} transfer kernels are one COMM_COLL_NODE each, without comm_size`;
    const why = 'the traces do not tell how many bytes went from rank to rank in each of them';
    const remedy =
      'give the files of all ranks: of an emulated run those in ranks/, else captures whose all_to_allv kernels have a whole "In split size"';
    notes.push(`${what}, for ${why}; ${remedy}`);
  }
  if (unnamed > 0) {
    notes.push(
      `${unnamed} of them have no comm_type either, for their names tell of no collective that Chakra has a type for; a reader takes that for its type 0, ALL_REDUCE`,
    );
  }
  if (exchanges.absentBytes > 0) {
    notes.push(
      `${exchanges.absentBytes} bytes went to ranks whose traces were not given and are left out; give the traces of all ranks`,
    );
  }
  return notes;
}
