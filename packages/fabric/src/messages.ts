import { InvariantError } from '@epemu/core';

/** Whom a message is from and for, and what it belongs to. */
export interface Address {
  /** Sending rank, below {@link ADDRESS_LIMIT}.rank. */
  readonly from: number;
  /** Receiving rank. */
  readonly to: number;
  /**
   * Number of the movement of tokens that it belongs to: of an exchange, a direction and a type, the same at both ends whatever
   * operations their programs have of it. Unsigned 32-bit.
   */
  readonly movement: number;
  /** Hop: 1 and 2 move bytes, 3 and 4 are those of a notify; below 16. */
  readonly hop: number;
  /** Stream of the sender's operation, unsigned 16-bit. */
  readonly stream: number;
}

/** Timing message. It may be empty and never waits for payload credit. */
export interface Header extends Address {
  /** At most 65,536 safe integers; they may be negative or exceed 32 bits. */
  readonly integers: readonly number[];
}

/** Tensor bytes; takes one credit of its window (from, to, stream, hop) until the receiver releases it. */
export interface Payload extends Address {
  /** Number of the message within its movement and hop, as the sender counts; a safe integer from 0. */
  readonly sequence: number;
  /** The raw bytes. On receipt they start at a multiple of 8 in their ArrayBuffer and are valid until the release. */
  readonly bytes: Uint8Array;
}

/** Credits that a receiving rank gives back to a sending one. */
export interface CreditReturn {
  /** The rank that has consumed the payloads and returns the credits. */
  readonly from: number;
  /** The rank that had sent the payloads. */
  readonly to: number;
  readonly stream: number;
  readonly hop: number;
  /** How many credits come back, from 1. */
  readonly count: number;
}

/** A header as an entry of a frame. */
export interface HeaderMessage extends Header {
  readonly kind: 'header';
}

/** A payload as an entry of a frame. */
export interface PayloadMessage extends Payload {
  readonly kind: 'payload';
}

/** A credit return as an entry of a frame. */
export interface CreditMessage extends CreditReturn {
  readonly kind: 'credit';
}

/** All that a frame can hold. */
export type Message = HeaderMessage | PayloadMessage | CreditMessage;

/** A header without its sender, which the endpoint adds. */
export type OutgoingHeader = Omit<Header, 'from'>;
/** A payload without its sender, which the endpoint adds. */
export type OutgoingPayload = Omit<Payload, 'from'>;

/** Exclusive upper bounds of the address fields: together they make a window key of 52 bits, an exact number. */
export const ADDRESS_LIMIT = { rank: 65_536, movement: 4_294_967_296, hop: 16, stream: 65_536 } as const;
/** Most integers that one header may hold. */
export const MAX_HEADER_INTEGERS = 65_536;

/** @returns whether a value is an integer in [0, limit). */
export function isIndex(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < limit;
}

/** @returns the map key of the credit window of payloads from one rank to another on a stream and hop. */
export function windowKey(from: number, to: number, stream: number, hop: number): number {
  return ((from * ADDRESS_LIMIT.rank + to) * ADDRESS_LIMIT.stream + stream) * ADDRESS_LIMIT.hop + hop;
}

/** @returns what is wrong with the part of an address that both kinds share, if anything. */
export function addressProblem(message: Omit<Address, 'from'>): string | undefined {
  if (!isIndex(message.to, ADDRESS_LIMIT.rank)) return `to ${message.to}`;
  if (!isIndex(message.movement, ADDRESS_LIMIT.movement)) return `movement ${message.movement}`;
  if (!isIndex(message.hop, ADDRESS_LIMIT.hop)) return `hop ${message.hop}`;
  if (!isIndex(message.stream, ADDRESS_LIMIT.stream)) return `stream ${message.stream}`;
  return undefined;
}

/**
 * Checks a header before it is sent: a bad one must fail at its sender, not end the connection at the receiver.
 *
 * @throws InvariantError that names the field and value.
 */
export function assertSendableHeader(header: OutgoingHeader): void {
  const problem = addressProblem(header);
  if (problem !== undefined) throw new InvariantError(`a header cannot be sent: its ${problem} is out of range`);
  const { integers } = header;
  if (integers.length > MAX_HEADER_INTEGERS) {
    throw new InvariantError(
      `a header cannot be sent: it holds ${integers.length} integers, at most ${MAX_HEADER_INTEGERS} are allowed`,
    );
  }
  for (const integer of integers) {
    if (!Number.isSafeInteger(integer)) {
      throw new InvariantError(`a header cannot be sent: ${integer} is not a safe integer`);
    }
  }
}

/**
 * Checks a payload before it is sent.
 *
 * @param maxPayloadBytes the longest payload this fabric carries.
 * @throws InvariantError that names the field and value.
 */
export function assertSendablePayload(payload: OutgoingPayload, maxPayloadBytes: number): void {
  const problem = addressProblem(payload);
  if (problem !== undefined) throw new InvariantError(`a payload cannot be sent: its ${problem} is out of range`);
  if (!Number.isSafeInteger(payload.sequence) || payload.sequence < 0) {
    throw new InvariantError(`a payload cannot be sent: its sequence ${payload.sequence} is out of range`);
  }
  if (payload.bytes.byteLength > maxPayloadBytes) {
    throw new InvariantError(
      `a payload cannot be sent: it has ${payload.bytes.byteLength} bytes, maxPayloadBytes is ${maxPayloadBytes}`,
    );
  }
}
