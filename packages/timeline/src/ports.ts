/**
 * The arithmetic of a port, shared by the live ranks and by replay: what a port does with a segment once it is that
 * segment's turn. Whose turn it is, each of the two decides by code of its own.
 */
export class PortClock {
  /** When the port has served all it was given so far. */
  freeNs = 0;

  /**
   * Sends a segment: from when it is ready and the port is free, at the port's rate.
   * @returns start and end of the service, integer ns.
   */
  serveOut(readyNs: number, durationNs: number): { startNs: number; endNs: number } {
    const startNs = Math.max(this.freeNs, readyNs);
    const endNs = startNs + durationNs;
    this.freeNs = endNs;
    return { startNs, endNs };
  }

  /**
   * Receives a segment, cut-through: from its first byte, and not done before its last byte is there.
   * @returns start and end of the service, integer ns.
   */
  serveIn(firstByteNs: number, lastByteNs: number, durationNs: number): { startNs: number; endNs: number } {
    const startNs = Math.max(this.freeNs, firstByteNs);
    const endNs = Math.max(startNs + durationNs, lastByteNs);
    this.freeNs = endNs;
    return { startNs, endNs };
  }
}

/** @returns how long a port needs for `bytes` at `gigabytesPerSecond` (1 GB/s is 1 byte a ns), rounded up to whole ns. */
export function serviceNs(bytes: number, gigabytesPerSecond: number): number {
  return Math.ceil(bytes / gigabytesPerSecond);
}
