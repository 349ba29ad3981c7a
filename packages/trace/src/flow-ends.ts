import type { Operation } from '@epemu/schedule';

import { clampInto, type FlowSlice } from './flows.js';
import { quote, THREAD_METADATA_EVENTS, threadMetadata } from './json.js';
import { type EventText, flowText } from './merged-text.js';
import { ARRIVALS_TID, gpuPid } from './run.js';

/** Ends of flows that come to one kernel of a rank from one other rank. */
interface ArrivingFlows {
  readonly sender: number;
  readonly operation: number;
  readonly phase: string;
  readonly category: string;
  readonly pid: number;
  readonly slice: FlowSlice;
  readonly ids: number[];
  /** When each has arrived, µs. */
  readonly times: number[];
}

/** @returns a slice that begins when all has arrived that a rank sends to a phase. */
export function arrivalText(phase: string, sender: number, pid: number, ts: number): string {
  const name = quote(`${phase} from rank ${sender}`);
  return `,\n{"ph":"X","cat":"arrival","name":${name},"pid":${pid},"tid":${ARRIVALS_TID},"ts":${ts},"dur":1}`;
}

/**
 * Draws the ends of flows in the kernels that receive. Perfetto leads an arrow from the slice that begins first, whatever
 * the trace says: where a sender's kernel starts later than the receiver's, an arrow between these would be turned
 * round. It ends in a slice of its own then, at the time of the arrival; on a row of its own, for Perfetto binds arrows to
 * the slice of a row that began last, be it over. So an end is held back until it is known when its sender's kernel starts.
 */
export class FlowEnds {
  /** By rank: when the kernels start that send, by operation, µs. */
  readonly #starts = new Map<number, ReadonlyMap<number, number>>();
  readonly #held = new Map<number, ArrivingFlows[]>();
  readonly #named = new Set<number>();
  #arriving = new Map<string, ArrivingFlows>();

  /** Tells when a rank's kernels start that flows leave from. @returns the ends that were held back for it. */
  *sends(rank: number, slices: ReadonlyMap<number, FlowSlice>): Generator<EventText> {
    this.#starts.set(rank, new Map([...slices].map(([operation, { start }]) => [operation, start])));
    yield* (this.#held.get(rank) ?? []).map((flows) => this.#text(flows));
    this.#held.delete(rank);
  }

  /** Takes the end of a flow, before {@link flush}. @param sender the rank that it comes from. */
  add(rank: number, sender: number, operation: Operation, slice: FlowSlice, id: number, ts: number): void {
    const key = `${operation.id}:${sender}`;
    let flows = this.#arriving.get(key);
    if (flows === undefined) {
      const { phase, collective } = operation;
      const of = { sender, operation: operation.id, phase, category: collective!.type };
      flows = { ...of, pid: gpuPid(rank), slice, ids: [], times: [] };
      this.#arriving.set(key, flows);
    }
    flows.ids.push(id);
    flows.times.push(clampInto(slice, ts));
  }

  /** Ends a rank. @returns its ends, but for those that are held back. */
  *flush(): Generator<EventText> {
    for (const flows of this.#arriving.values()) {
      if (this.#starts.has(flows.sender)) yield this.#text(flows);
      else {
        const held = this.#held.get(flows.sender);
        if (held === undefined) this.#held.set(flows.sender, [flows]);
        else held.push(flows);
      }
    }
    this.#arriving = new Map();
  }

  #text({ sender, operation, phase, category, pid, slice, ids, times }: ArrivingFlows): EventText {
    const sentFrom = this.#starts.get(sender)!.get(operation) ?? slice.start;
    if (sentFrom <= slice.start) {
      const ends = ids.map((id, place) => flowText(false, category, id, pid, slice.tid, times[place]));
      return { text: ends.join(''), count: ids.length };
    }
    const arrival = times.reduce((latest, ts) => Math.max(latest, ts), sentFrom);
    const ends = ids.map((id) => flowText(false, category, id, pid, ARRIVALS_TID, arrival));
    const isFirst = !this.#named.has(pid);
    this.#named.add(pid);
    const row = isFirst ? threadMetadata(pid, ARRIVALS_TID, 'late arrivals', ARRIVALS_TID) : '';
    return {
      text: row + arrivalText(phase, sender, pid, arrival) + ends.join(''),
      count: (isFirst ? THREAD_METADATA_EVENTS : 0) + 1 + ids.length,
    };
  }
}
