import type { Operation } from '@epemu/schedule';

import { clampInto, type FlowSlice } from './flows.js';
import { quote, THREAD_METADATA_EVENTS, threadMetadata } from './json.js';
import { type EventText, flowText } from './merged-text.js';
import { ARRIVALS_TID, gpuPid } from './run.js';

/** The end of a flow that is drawn in the kernel which receives. */
interface FlowEnd {
  /** The rank that receives, as a process of the trace. */
  readonly pid: number;
  readonly sender: number;
  readonly operation: Operation;
  readonly slice: FlowSlice;
  readonly id: number;
  /** When it has arrived, µs. */
  readonly ts: number;
}

/** Ends of flows that come to one kernel of a rank from one other rank, whose own kernel starts later. */
interface LateFlows {
  readonly first: FlowEnd;
  readonly ids: number[];
  latest: number;
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
  readonly #held = new Map<number, FlowEnd[]>();
  readonly #named = new Set<number>();
  /** Of the rank that is being added, by operation and sender. */
  #late = new Map<string, LateFlows>();

  /** Tells when a rank's kernels start that flows leave from. @returns the ends that were held back for it. */
  *sends(rank: number, slices: ReadonlyMap<number, FlowSlice>): Generator<EventText> {
    this.#starts.set(rank, new Map([...slices].map(([operation, { start }]) => [operation, start])));
    for (const end of this.#held.get(rank) ?? []) {
      const text = this.#draw(end);
      if (text !== undefined) yield text;
    }
    this.#held.delete(rank);
    yield* this.flush();
  }

  /**
   * Takes the end of a flow, before {@link flush}.
   * @param sender the rank that it comes from.
   * @returns it, where it need not wait for others.
   */
  add(
    rank: number,
    sender: number,
    operation: Operation,
    slice: FlowSlice,
    id: number,
    ts: number,
  ): EventText | undefined {
    const end = { pid: gpuPid(rank), sender, operation, slice, id, ts: clampInto(slice, ts) };
    if (this.#starts.has(sender)) return this.#draw(end);
    const held = this.#held.get(sender);
    if (held === undefined) this.#held.set(sender, [end]);
    else held.push(end);
    return undefined;
  }

  /** Ends a rank. @returns its ends that come from kernels which start later. */
  *flush(): Generator<EventText> {
    for (const flows of this.#late.values()) yield this.#lateText(flows);
    this.#late = new Map();
  }

  /** @returns the end in its kernel; undefined where that would be turned round: it waits for others of its like. */
  #draw(end: FlowEnd): EventText | undefined {
    const { pid, sender, operation, slice, id, ts } = end;
    const sentFrom = this.#starts.get(sender)!.get(operation.id) ?? slice.start;
    if (sentFrom <= slice.start) {
      return { text: flowText(false, operation.collective!.type, id, pid, slice.tid, ts), count: 1 };
    }
    const key = `${pid}:${operation.id}:${sender}`;
    const flows = this.#late.get(key);
    if (flows === undefined) {
      this.#late.set(key, { first: end, ids: [id], latest: Math.max(sentFrom, ts) });
    } else {
      flows.ids.push(id);
      flows.latest = Math.max(flows.latest, ts);
    }
    return undefined;
  }

  #lateText({ first: { pid, sender, operation }, ids, latest }: LateFlows): EventText {
    const category = operation.collective!.type;
    const ends = ids.map((id) => flowText(false, category, id, pid, ARRIVALS_TID, latest));
    const isFirst = !this.#named.has(pid);
    this.#named.add(pid);
    const row = isFirst ? threadMetadata(pid, ARRIVALS_TID, 'late arrivals', ARRIVALS_TID) : '';
    return {
      text: row + arrivalText(operation.phase, sender, pid, latest) + ends.join(''),
      count: (isFirst ? THREAD_METADATA_EVENTS : 0) + 1 + ids.length,
    };
  }
}
