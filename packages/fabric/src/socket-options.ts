import type { ClientOptions, ServerOptions } from 'ws';
import { FRAME_OVERHEAD, headerCost, payloadCost } from './frame-layout.js';
import { MAX_HEADER_INTEGERS } from './messages.js';

/** Options that ws 8.23 has and its types do not know yet. */
interface NewerOptions {
  readonly maxFragments: number;
  readonly closeTimeout: number;
}

/** A frame comes in one fragment; a few more are allowed, memory held by thousands of tiny ones is not. */
const MAX_FRAGMENTS = 256;

/** @returns the longest frame, in bytes, that a peer with the same configuration can send. */
export function longestFrame(frameBytes: number, maxPayloadBytes: number): number {
  const address = { to: 0, movement: 0, hop: 0, stream: 0 };
  const longestHeader = headerCost({ ...address, integers: { length: MAX_HEADER_INTEGERS } as readonly number[] });
  const bytes = { byteLength: maxPayloadBytes } as Uint8Array;
  return Math.max(
    frameBytes,
    FRAME_OVERHEAD + longestHeader,
    FRAME_OVERHEAD + payloadCost({ ...address, sequence: 0, bytes }),
  );
}

/** @returns options of the accepting side. TCP_NODELAY is what ws sets on every socket. */
export function serverSocketOptions(maxPayload: number, closeTimeoutMs: number): ServerOptions & NewerOptions {
  return { perMessageDeflate: false, maxPayload, maxFragments: MAX_FRAGMENTS, closeTimeout: closeTimeoutMs };
}

/** @returns options of the dialling side. */
export function clientSocketOptions(
  maxPayload: number,
  closeTimeoutMs: number,
  handshakeTimeout: number,
): ClientOptions & NewerOptions {
  return {
    perMessageDeflate: false,
    maxPayload,
    maxFragments: MAX_FRAGMENTS,
    closeTimeout: closeTimeoutMs,
    handshakeTimeout,
    // Masking with zeros costs nothing and lets ws send the buffer as it is. Masks protect old proxies from web pages'
    // bytes: there are none on loopback and private networks, the only ones this is for.
    generateMask: (mask) => {
      mask.fill(0);
    },
  };
}
