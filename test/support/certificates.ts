import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** A certificate with its key, PEM, and what is needed to sign others with it. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
  readonly name: string;
}

/** What a certificate says. */
export interface CertificateOptions {
  readonly name: string;
  /** Names that a certificate is for. */
  readonly hosts?: readonly string[];
  /** IPv4 addresses that it is for. */
  readonly addresses?: readonly string[];
  /** Who signs it. @default itself, as an authority */
  readonly by?: Issued;
  /** Days from now on which it begins and ends to hold. @default −1 and 30 */
  readonly days?: readonly [from: number, to: number];
}

const TAG = { integer: 2, bits: 3, octets: 4, object: 6, utf8: 12, time: 24, sequence: 48, set: 49 } as const;
const DAY_MS = 86_400_000;

/** Certificates are DER: type, length, content. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const bytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...bytes), content]);
}

/** By its bytes, as they follow the length. */
function objectId(hex: string): Buffer {
  return der(TAG.object, Buffer.from(hex, 'hex'));
}

const ECDSA_SHA256 = der(TAG.sequence, objectId('2a8648ce3d040302'));
const COMMON_NAME = '550403';
const ALTERNATIVE_NAMES = '551d11';
const BASIC_CONSTRAINTS = '551d13';

function distinguished(name: string): Buffer {
  const value = der(TAG.utf8, Buffer.from(name));
  return der(TAG.sequence, der(TAG.set, der(TAG.sequence, objectId(COMMON_NAME), value)));
}

function time(days: number): Buffer {
  const digits = new Date(Date.now() + days * DAY_MS).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return der(TAG.time, Buffer.from(`${digits}Z`));
}

function extension(id: string, value: Buffer): Buffer {
  return der(TAG.sequence, objectId(id), der(TAG.octets, value));
}

function pem(what: string, bytes: Buffer): string {
  return `-----BEGIN ${what}-----\n${bytes.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END ${what}-----\n`;
}

/** @returns a new certificate. */
export function issue({ name, hosts = [], addresses = [], by, days = [-1, 30] }: CertificateOptions): Issued {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const signer: KeyObject = by === undefined ? privateKey : createPrivateKey(by.key);
  const names = [
    ...hosts.map((host) => der(0x82, Buffer.from(host))),
    ...addresses.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
  ];
  const authority = by === undefined ? der(1, Buffer.of(0xff)) : Buffer.alloc(0);
  const extensions = [
    extension(BASIC_CONSTRAINTS, der(TAG.sequence, authority)),
    ...(names.length === 0 ? [] : [extension(ALTERNATIVE_NAMES, der(TAG.sequence, ...names))]),
  ];
  const publicBytes = publicKey.export({ type: 'spki', format: 'der' });
  const serial = Buffer.concat([Buffer.of(1), createHash('sha256').update(publicBytes).digest().subarray(0, 8)]);
  const signed = der(
    TAG.sequence,
    der(0xa0, der(TAG.integer, Buffer.of(2))),
    der(TAG.integer, serial),
    ECDSA_SHA256,
    distinguished(by?.name ?? name),
    der(TAG.sequence, time(days[0]), time(days[1])),
    distinguished(name),
    publicBytes,
    der(0xa3, der(TAG.sequence, ...extensions)),
  );
  const signature = der(TAG.bits, Buffer.of(0), sign('sha256', signed, signer));
  return {
    cert: pem('CERTIFICATE', der(TAG.sequence, signed, ECDSA_SHA256, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    name,
  };
}
