import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { BadInputError } from '@epemu/core';

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/**
 * Reads `[host:]port` or `host`, an IPv6 host in brackets.
 * @param field the flag or variable, for the error.
 * @param defaults what is taken for a part that is not there.
 * @throws BadInputError naming the field.
 */
export function parseListenAddress(field: string, text: string, defaults: ListenAddress): ListenAddress {
  const wrong = (): BadInputError =>
    new BadInputError(
      field,
      `${field} is ${text}, but it must be port, host or host:port, as 0.0.0.0:${defaults.port}`,
    );
  const port = (digits: string): number => {
    const value = Number(digits);
    if (!/^\d+$/.test(digits) || value > 65_535) throw wrong();
    return value;
  };
  if (/^\d+$/.test(text)) return { host: defaults.host, port: port(text) };
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<name>[A-Za-z0-9._-]+))(?::(?<port>.+))?$/.exec(text);
  const { six, name, port: digits } = match?.groups ?? {};
  const host = six ?? name;
  if (host === undefined || (six !== undefined && isIP(six) !== 6)) throw wrong();
  return { host, port: digits === undefined ? defaults.port : port(digits) };
}

/** @returns `host:port`, an IPv6 host in brackets. */
export function hostAndPort(host: string, port: number): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** @returns a URL's host as it is listened on and dialled: an IPv6 one without brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** @returns whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** @returns whether an address to listen on stands for all addresses of this machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** @returns this machine's first address of a family by which others may reach it; undefined for none. */
export function externalAddress(family: 'IPv4' | 'IPv6'): string | undefined {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return own.find((one) => !one.internal && one.family === family && !one.address.startsWith('fe80'))?.address;
}

/** @returns an address that leads to this machine from elsewhere, where one that means all of them is listened on. */
export function reachableAddress({ host, port }: ListenAddress): ListenAddress {
  if (!isWildcard(host)) return { host, port };
  const four = host === '0.0.0.0';
  return { host: externalAddress(four ? 'IPv4' : 'IPv6') ?? (four ? '127.0.0.1' : '::1'), port };
}
