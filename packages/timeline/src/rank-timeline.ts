import { Columns } from '@epemu/core';

/**
 * A kernel on a stream: `kernel` indexes the program's kernels, `operation` its operations; times are integer ns.
 * `launchNs` is when the CPU began the call that launches it, 0 where all is launched as one graph.
 */
export const EVENT_COLUMNS = ['stream', 'kernel', 'operation', 'startNs', 'endNs', 'launchNs'] as const;
/**
 * A segment served by a port, whose number says link and direction as a program has them. `origin`, `destination` and `segment` name it within its (operation, hop): a dispatch
 * keeps the token's home rank as origin on both hops, a combine keeps it as destination; `peer` is the rank at the
 * other end of the link. The same segment is served once at the sender's out-port and once at the receiver's in-port.
 */
export const SERVICE_COLUMNS = [
  'port',
  'operation',
  'hop',
  'peer',
  'origin',
  'destination',
  'segment',
  'bytes',
  'startNs',
  'endNs',
] as const;
/** A background transfer: from the start to the last byte that the rank needs. `operation` is the id. */
export const TRANSFER_COLUMNS = ['operation', 'startNs', 'endNs'] as const;
/** What a rank's experts received in one dispatch: distinct tokens, (token, expert) rows, and rows of its fullest expert. */
export const RECEIPT_COLUMNS = ['layer', 'microBatch', 'receivedTokens', 'expertRows', 'expertRowsMax'] as const;

export type EventColumns = Columns<(typeof EVENT_COLUMNS)[number]>;
export type ServiceColumns = Columns<(typeof SERVICE_COLUMNS)[number]>;
export type TransferColumns = Columns<(typeof TRANSFER_COLUMNS)[number]>;
export type ReceiptColumns = Columns<(typeof RECEIPT_COLUMNS)[number]>;

/** Everything virtual that one rank did, in recorded operations only. */
export interface RankTimeline {
  readonly rank: number;
  readonly events: EventColumns;
  readonly services: ServiceColumns;
  readonly transfers: TransferColumns;
  readonly receipts: ReceiptColumns;
}

/** @returns a timeline with no events yet. */
export function emptyTimeline(rank: number): RankTimeline {
  return {
    rank,
    events: new Columns(EVENT_COLUMNS, 1024),
    services: new Columns(SERVICE_COLUMNS, 1024),
    transfers: new Columns(TRANSFER_COLUMNS),
    receipts: new Columns(RECEIPT_COLUMNS),
  };
}
