import type { IncomingMessage } from 'node:http';
import { hostOf, isLoopback } from './address.js';

/** Why a request is not answered. */
export interface Refusal {
  readonly status: 400 | 403;
  readonly why: string;
}

/** What a Host header may hold: a name or an address, and a port; nothing that moves another part of a URL into it. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/;

function valuesOf({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1].toLowerCase() === name);
}

/**
 * Looks at what a request itself says, never at a URL that is made of it: who is asked, and the page that asks.
 *
 * @param loopback whether only this machine is served: a page whose own name resolves to this machine must not read it.
 * @param pages origins of other pages that may ask.
 * @returns why it is refused; undefined where it is not.
 */
export function refusalOf(request: IncomingMessage, loopback: boolean, pages: readonly string[]): Refusal | undefined {
  const { url: target = '' } = request;
  // Proxies ask for `http://host/path`; there is none between this server and those it is for.
  if (!target.startsWith('/')) return { status: 400, why: 'only paths are answered here' };
  const hosts = valuesOf(request, 'host');
  const [host] = hosts;
  if (hosts.length !== 1 || !HOST.test(host) || !URL.canParse(`http://${host}`)) {
    return { status: 400, why: 'the request has not one Host that is an address' };
  }
  const { hostname } = new URL(`http://${host}`);
  if (loopback && !isLoopback(hostOf(new URL(`http://${host}`)))) {
    return { status: 403, why: `${hostname} is not this machine` };
  }
  const foreign = valuesOf(request, 'origin').find((origin) => origin !== `http://${host}` && !pages.includes(origin));
  if (foreign !== undefined) return { status: 403, why: 'pages of other addresses are not answered' };
  return undefined;
}
