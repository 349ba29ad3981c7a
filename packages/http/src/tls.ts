import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import { messageOf } from '@epemu/core';

/** What a process shows of itself where connections are encrypted, and whom it believes; each PEM. */
export interface TlsIdentity {
  /** The certificate, and those between it and the authority. */
  readonly cert?: string;
  readonly key?: string;
  /** Certificates of the authorities that may have signed those of others. @default those that Node comes with */
  readonly ca?: string;
}

/** In which a server says why it refuses a certificate. */
const REASON_HEADER = 'x-epemu-refusal';
/** What a header has room for. */
const MOST_REASON_CHARACTERS = 200;
/** Codes that the check of a certificate ends with, by OpenSSL's and Node's names. */
const CERTIFICATE_CODES =
  /^(?:ERR_TLS_|ERR_SSL_.*(?:CERT|UNKNOWN_CA)|CERT_|CRL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|INVALID_|PATH_LENGTH|HOSTNAME_)/;
/** What speaks no TLS answers a greeting with what is none. */
const NO_TLS_CODES = ['ERR_SSL_WRONG_VERSION_NUMBER', 'EPROTO'];

/**
 * @param tls with a certificate and key, the server takes encrypted connections and no others; with authorities as well it
 * asks who connects for a certificate of theirs: see {@link certificateRefusal}.
 * @param handshakeTimeoutMs how long becoming encrypted may take.
 */
export function createAnyServer(
  tls: TlsIdentity | undefined,
  options: ServerOptions,
  handshakeTimeoutMs: number,
  listener: RequestListener,
): Server {
  if (tls?.cert === undefined) return createServer(options, listener);
  const { cert, key, ca } = tls;
  // One whose certificate is not accepted is told so, which a connection that is dropped does not do.
  const mutual = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: false };
  return createTlsServer(
    { ...options, cert, ...(key === undefined ? {} : { key }), ...mutual, handshakeTimeout: handshakeTimeoutMs },
    listener,
  );
}

/** @returns the options of a connection to somebody, for whom a URL of `wss:` says that it is encrypted. */
export function tlsClientOptions(tls: TlsIdentity | undefined): TlsIdentity {
  const { cert, key, ca } = tls ?? {};
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
  };
}

/** @returns why the certificate of who asks for something is refused; undefined where it is not, or none is asked for. */
export function certificateRefusal(request: IncomingMessage, tls: TlsIdentity | undefined): string | undefined {
  const { socket } = request;
  if (tls?.cert === undefined || tls.ca === undefined || !(socket instanceof TLSSocket) || socket.authorized) {
    return undefined;
  }
  if (Object.keys(socket.getPeerCertificate()).length === 0) return 'it shows no certificate';
  return `its certificate is not accepted (${String(socket.authorizationError)})`;
}

/** @returns headers of a refusal that say why, for {@link refusalIn}. */
export function refusalHeaders(why: string): Record<string, string> {
  return { [REASON_HEADER]: why.replace(/[^ -~]/g, '?').slice(0, MOST_REASON_CHARACTERS) };
}

/** @returns why a server has refused this side's certificate; undefined where the answer does not say so. */
export function refusalIn(response: IncomingMessage): string | undefined {
  const why = response.headers[REASON_HEADER];
  return typeof why === 'string' ? why.replace(/[^ -~]/g, '?').slice(0, MOST_REASON_CHARACTERS) : undefined;
}

/** @returns why trying to connect again would not help: certificates, or their absence; undefined for anything else. */
export function tlsProblem(error: unknown): string | undefined {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (NO_TLS_CODES.includes(code)) return 'speaks no TLS';
  if (!CERTIFICATE_CODES.test(code)) return undefined;
  return `is not to be trusted: its certificate is not accepted (${messageOf(error)
    .replace(/[^ -~]/g, '?')
    .slice(0, MOST_REASON_CHARACTERS)})`;
}
