import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { BadInputError, messageOf, readRegularFile } from '@epemu/core';
import type { TlsIdentity } from '@epemu/http';
import { Option } from 'commander';
import type { Command } from 'commander';

/** A chain of certificates, or all authorities that a system believes. */
const PEM_FILE = { what: 'it', variable: 'EPEMU_MOST_PEM_FILE_BYTES', most: 1024 * 1024 };
/** Bits of a mode that let everybody in. */
const EVERYBODY = 0o007;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Flags about encrypted connections. */
export interface TlsFlags {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
}

/** Adds the flags of a process that takes part in a run whose connections are encrypted. */
export function addTlsFlags(command: Command, ofOthers: string): Command {
  return command
    .addOption(
      new Option('--tls-cert <file>', 'certificate to show (PEM, with those between it and its authority)').env(
        'EPEMU_TLS_CERT',
      ),
    )
    .addOption(new Option('--tls-key <file>', 'its private key (PEM)').env('EPEMU_TLS_KEY'))
    .addOption(new Option('--tls-ca <file>', ofOthers).env('EPEMU_TLS_CA'));
}

/**
 * @returns what the flags name, read and looked at; undefined where they name nothing.
 * @throws BadInputError for what would fail later: files that are none, a key of another certificate, a date.
 */
export function tlsIdentity(flags: TlsFlags, now = new Date()): TlsIdentity | undefined {
  // A variable that is set to nothing names nothing.
  const [certFile = '', keyFile = '', caFile = ''] = [flags.tlsCert, flags.tlsKey, flags.tlsCa];
  if (certFile === '' && keyFile === '' && caFile === '') return undefined;
  if ((certFile === '') !== (keyFile === '')) {
    const [there, missing] = certFile === '' ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key'];
    throw new BadInputError(there, `${there} is given without ${missing}; a certificate and its key go together`);
  }
  const ca = caFile === '' ? undefined : certificates('--tls-ca', caFile, now);
  if (certFile === '') return { ca: ca! };
  const cert = certificates('--tls-cert', certFile, now);
  const key = privateKey(keyFile, new X509Certificate(cert));
  const identity = { cert, key, ...(ca === undefined ? {} : { ca }) };
  try {
    createSecureContext(identity);
  } catch (error) {
    throw new BadInputError('--tls-cert', `--tls-cert ${certFile} cannot be used (${messageOf(error)}); make another`);
  }
  return identity;
}

function pem(flag: string, file: string): string {
  try {
    return readRegularFile(file, PEM_FILE).toString();
  } catch (error) {
    throw new BadInputError(flag, `${flag} ${file} cannot be read (${messageOf(error)})`);
  }
}

/** @returns the text of a file of certificates of which the first, at least, holds at present. */
function certificates(flag: string, file: string, now: Date): string {
  const text = pem(flag, file);
  const [first, ...others] = text.match(CERTIFICATE) ?? [];
  const none = (why: string): BadInputError =>
    new BadInputError(flag, `${flag} ${file} holds no certificate (${why}); give a PEM file`);
  if (first === undefined) throw none('no BEGIN CERTIFICATE');
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(first);
    for (const other of others) new X509Certificate(other);
  } catch (error) {
    throw none(messageOf(error));
  }
  const { validFrom, validTo } = certificate;
  const expired = new Date(validTo) < now;
  // A file of authorities holds all that somebody believes, of whom one may be past its time.
  if (!expired && new Date(validFrom) <= now) return text;
  if (flag === '--tls-ca' && others.length > 0) return text;
  const when = expired ? `expired on ${validTo}` : `does not hold before ${validFrom}`;
  throw new BadInputError(flag, `${flag} ${file} ${when}; renew it, or set this machine's clock`);
}

function privateKey(file: string, certificate: X509Certificate): string {
  const text = pem('--tls-key', file);
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (error) {
    const why = text.includes('ENCRYPTED') ? 'it has a passphrase' : messageOf(error);
    throw new BadInputError(
      '--tls-key',
      `--tls-key ${file} holds no private key to use (${why}); give a plain PEM file`,
    );
  }
  if (!certificate.checkPrivateKey(key)) {
    const problem = `--tls-key ${file} is not the key of the certificate that --tls-cert names`;
    throw new BadInputError('--tls-key', `${problem}; give the two that belong together`);
  }
  const { mode } = statSync(file);
  if ((mode & EVERYBODY) !== 0) {
    const shown = (mode & 0o777).toString(8).padStart(4, '0');
    throw new BadInputError(
      '--tls-key',
      `--tls-key ${file} has mode ${shown}, which lets everybody at the key; chmod 600 it`,
    );
  }
  return text;
}
