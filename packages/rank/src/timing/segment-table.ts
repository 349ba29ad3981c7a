import { totalOrder } from '@epemu/core';

const COLUMNS = 10;

/**
 * Segments on their way through a port, as columns: a decode step moves hundreds of thousands of them, and sorting and
 * serving look at one or two fields each. Times are integer ns.
 */
export class SegmentTable {
  /** How many segments there are. */
  count = 0;
  /** The rank at the other end of the link. */
  readonly peer: Float64Array;
  readonly origin: Float64Array;
  readonly destination: Float64Array;
  readonly number: Float64Array;
  readonly tokens: Float64Array;
  readonly bytes: Float64Array;
  readonly readyNs: Float64Array;
  /** When all of it is there, of a segment that is forwarded as it comes in; −Infinity where it is from the start. */
  readonly arrivedNs: Float64Array;
  readonly firstByteNs: Float64Array;
  readonly lastByteNs: Float64Array;

  /** @param capacity how many segments there will be at most. */
  constructor(capacity: number) {
    // One buffer for all: each is a thing to allocate and to collect, and a run makes a table for every hop.
    const buffer = new ArrayBuffer(COLUMNS * capacity * Float64Array.BYTES_PER_ELEMENT);
    const column = (index: number): Float64Array =>
      new Float64Array(buffer, index * capacity * Float64Array.BYTES_PER_ELEMENT, capacity);
    this.peer = column(0);
    this.origin = column(1);
    this.destination = column(2);
    this.number = column(3);
    this.tokens = column(4);
    this.bytes = column(5);
    this.readyNs = column(6);
    this.arrivedNs = column(7);
    this.firstByteNs = column(8);
    this.lastByteNs = column(9);
  }

  /** Appends a segment not yet served. */
  push(
    peer: number,
    origin: number,
    destination: number,
    number: number,
    tokens: number,
    bytes: number,
    readyNs: number,
    arrivedNs = Number.NEGATIVE_INFINITY,
  ): void {
    const i = this.count++;
    this.peer[i] = peer;
    this.origin[i] = origin;
    this.destination[i] = destination;
    this.number[i] = number;
    this.tokens[i] = tokens;
    this.bytes[i] = bytes;
    this.readyNs[i] = readyNs;
    this.arrivedNs[i] = arrivedNs;
  }

  /** @returns the bytes of all segments. */
  totalBytes(): number {
    let sum = 0;
    for (let i = 0; i < this.count; i++) sum += this.bytes[i];
    return sum;
  }

  /** @returns the indices of all segments in the order they were appended. */
  asAppended(): Uint32Array {
    const order = new Uint32Array(this.count);
    for (let i = 0; i < order.length; i++) order[i] = i;
    return order;
  }

  /**
   * @returns indices in the order an in-port serves them: first byte, origin, destination, segment number.
   * @throws InvariantError when two segments agree in all of these.
   */
  inOrder(): Uint32Array {
    return totalOrder(this.count, this.firstByteNs, this.origin, this.destination, this.number);
  }

  /**
   * @param visit when the out-port turns to each segment's destination.
   * @returns indices in the order an out-port serves second-hop segments: ready, origin, `visit`, segment number.
   * @throws InvariantError when two segments agree in all of these.
   */
  outOrder(visit: (destination: number) => number): Uint32Array {
    const visits = Float64Array.from({ length: this.count }, (_, i) => visit(this.destination[i]));
    return totalOrder(this.count, this.readyNs, this.origin, visits, this.number);
  }
}

/**
 * Visits queues in turn, one item of each: whole messages in index order take twice the ideal time.
 * @param lengths of the queues.
 * @param take called for each (queue, item of it).
 */
export function roundRobin(lengths: readonly number[], take: (queue: number, item: number) => void): void {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  for (let item = 0; item < longest; item++) {
    for (let queue = 0; queue < lengths.length; queue++) if (item < lengths[queue]) take(queue, item);
  }
}
