import { createHash, timingSafeEqual } from 'node:crypto';
import { messageOf } from '@epemu/core';
import { HandshakeError, printable } from './errors.js';
import { decodeHelloFrame } from './frame-decoder.js';
import { encodeHelloFrame } from './frame-encoder.js';
import { PROTOCOL_VERSION } from './frame-layout.js';

/** The first message in either direction of a connection. */
export interface Hello {
  readonly protocolVersion: number;
  readonly runId: string;
  readonly token: string;
  /** Index of the worker that says it. */
  readonly worker: number;
}

const FIELDS: readonly string[] = ['protocolVersion', 'runId', 'token', 'worker'];

/** @returns the hello of a worker as a frame. */
export function encodeHello(hello: Hello): Buffer {
  return encodeHelloFrame({ ...hello });
}

/**
 * Reads the other side's hello and checks that both belong to the same run.
 *
 * @param frame the first message of a connection.
 * @param own what this side says.
 * @param expectedWorker who should be there, where that is known.
 * @returns the other's worker index.
 * @throws HandshakeError, whose message is meant for both sides.
 */
export function checkHello(frame: Uint8Array, own: Hello, expectedWorker?: number): number {
  if (frame.length > 0 && frame[0] !== own.protocolVersion) throw wrongVersion(frame[0], own, false);
  const hello = readHello(frame);
  const authenticated = equalTokens(hello.token, own.token);
  if (hello.protocolVersion !== own.protocolVersion) throw wrongVersion(hello.protocolVersion, own, authenticated);
  if (!authenticated) {
    throw new HandshakeError('token', `token of worker ${hello.worker} is not that of worker ${own.worker}`);
  }
  if (hello.runId !== own.runId) {
    const theirs = printable(hello.runId, 32);
    const ours = printable(own.runId, 32);
    throw new HandshakeError(
      'run id',
      `run id: worker ${hello.worker} is in run "${theirs}", worker ${own.worker} in "${ours}"`,
      true,
    );
  }
  if (expectedWorker !== undefined && hello.worker !== expectedWorker) {
    throw new HandshakeError(
      'worker',
      `worker ${hello.worker} answered where worker ${expectedWorker} should be`,
      true,
    );
  }
  return hello.worker;
}

/** @returns this side's hello. */
export function ownHello(options: { runId: string; token: string; worker: number }): Hello {
  const { runId, token, worker } = options;
  return { protocolVersion: PROTOCOL_VERSION, runId, token, worker };
}

function readHello(frame: Uint8Array): Hello {
  let value: object;
  try {
    value = decodeHelloFrame(frame);
  } catch (error) {
    throw new HandshakeError('hello', `the first message is not a hello: ${messageOf(error)}`);
  }
  // Own enumerable keys, exactly the four: msgpackr passes keys such as `constructor` on.
  const keys = Object.keys(value);
  if (keys.length !== FIELDS.length || !FIELDS.every((field) => Object.hasOwn(value, field))) {
    throw new HandshakeError('hello', `a hello has the fields ${FIELDS.join(', ')} and no others`);
  }
  const { protocolVersion, runId, token, worker } = value as Record<keyof Hello, unknown>;
  if (
    typeof protocolVersion !== 'number' ||
    typeof runId !== 'string' ||
    typeof token !== 'string' ||
    typeof worker !== 'number' ||
    !Number.isSafeInteger(worker) ||
    worker < 0
  ) {
    throw new HandshakeError('hello', 'a hello has a field of a wrong type');
  }
  return { protocolVersion, runId, token, worker };
}

function wrongVersion(theirs: number, own: Hello, authenticated: boolean): HandshakeError {
  return new HandshakeError(
    'protocol version',
    `protocol version: worker ${own.worker} speaks ${own.protocolVersion}, its peer ${theirs}`,
    authenticated,
  );
}

/** Compares digests: equal lengths, and no time that tells how much of a guess was right. */
function equalTokens(theirs: string, ours: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(theirs), digest(ours));
}
