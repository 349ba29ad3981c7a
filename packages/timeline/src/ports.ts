/**
 * The arithmetic of a port, shared by the live ranks and by replay: what a port does with a segment once it is that
 * segment's turn. Whose turn it is, each of the two decides by code of its own.
 */
export class PortClock {
  /** When the port has served all it was given so far. */
  freeNs = 0;

  /**
   * Sends a segment: from when it is ready and the port is free, at the port's rate.
   * @param arrivedNs when the last byte of a segment that is forwarded while it comes in is there: it leaves no earlier.
   * @returns start and end of the service, integer ns.
   */
  serveOut(
    readyNs: number,
    durationNs: number,
    arrivedNs = Number.NEGATIVE_INFINITY,
  ): { startNs: number; endNs: number } {
    const startNs = Math.max(this.freeNs, readyNs, arrivedNs - durationNs);
    const endNs = startNs + durationNs;
    this.freeNs = endNs;
    return { startNs, endNs };
  }

  /**
   * Receives a segment, cut-through: from its first byte on, for as long as its bytes take this port, and to its last
   * byte at least. A sender slower than the port keeps others' segments from it for these bytes' time alone.
   * @returns start and end of the service, integer ns.
   */
  serveIn(firstByteNs: number, lastByteNs: number, durationNs: number): { startNs: number; endNs: number } {
    const startNs = Math.max(this.freeNs, firstByteNs);
    this.freeNs = startNs + durationNs;
    return { startNs, endNs: Math.max(this.freeNs, lastByteNs) };
  }
}

/**
 * Links that have less than the bandwidth of the ports at their ends, each by itself behind its sender's port: segments for
 * other peers pass by.
 */
export class SlowLinks {
  readonly #freeNs = new Map<string, number>();

  /**
   * @param link of whatever name, in the order of its port's services.
   * @param service of the segment at the port. @param durationNs what its bytes take the link.
   * @returns how much later than the port would let it the segment is through, integer ns.
   */
  delayNs(link: string, service: { readonly startNs: number; readonly endNs: number }, durationNs: number): number {
    const beginNs = Math.max(this.#freeNs.get(link) ?? Number.NEGATIVE_INFINITY, service.startNs);
    const endNs = Math.max(service.endNs, beginNs + Math.ceil(durationNs));
    this.#freeNs.set(link, endNs);
    return endNs - service.endNs;
  }
}

/**
 * How a port is busy with a segment: first with what comes beyond its bytes, then with the bytes.
 * @param GBps 1 GB/s is 1 byte a ns.
 * @param peerNs what the segment's peer takes of the port beyond its messages.
 * @returns whole ns before the first byte, and in all.
 */
export function serviceTime(bytes: number, GBps: number, peerNs: number): { leadNs: number; totalNs: number } {
  const leadNs = Math.round(peerNs);
  return { leadNs, totalNs: leadNs + Math.ceil(bytes / GBps) };
}
