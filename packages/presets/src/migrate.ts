import { isMapping } from '@epemu/core';
import type { Mapping } from '@epemu/core';
import { without } from './merge.js';

/** What each link did where version 1 knew two of them alone. */
const FIRST_LINKS = ['rdma', 'nvlink'];

/** The links of a transfer's hops as version 1 fixed them: a combine goes the dispatch's way back. */
function firstHops(kind: string, links: Mapping): string[] {
  if (links['nvlink'] === undefined) return ['rdma'];
  return kind === 'combine' ? ['nvlink', 'rdma'] : ['rdma', 'nvlink'];
}

function migratedTransfer(kind: string, transfer: unknown, isDerived: boolean): unknown {
  if (!isMapping(transfer)) return transfer;
  const links = Object.fromEntries(Object.entries(transfer).filter(([key]) => FIRST_LINKS.includes(key)));
  if (Object.keys(links).length === 0) return transfer;
  // A derived preset's transfer goes by its base's hops.
  return { ...(isDerived ? {} : { hops: firstHops(kind, links) }), links, ...without(transfer, ...FIRST_LINKS) };
}

function mapped(value: unknown, each: (key: string, value: unknown) => unknown): unknown {
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, each(key, inner)]));
}

/**
 * Brings a hardware preset of version 1, or of none, to version 2: there a transfer names the links of its hops, and a
 * link says how far it reaches.
 * @returns the preset in today's form; what is of another version as it is, for the check to refuse.
 */
export function migratedHardware(json: unknown): unknown {
  if (!isMapping(json) || (json['version'] ?? 1) !== 1) return json;
  const { ports, transfers } = json;
  const isDerived = json['base'] !== undefined;
  return {
    ...json,
    version: 2,
    ...(ports === undefined
      ? {}
      : {
          ports: mapped(ports, (link, port) =>
            link === 'nvlink' && isMapping(port) && !isDerived ? { reach: 'node', ...port } : port,
          ),
        }),
    ...(transfers === undefined
      ? {}
      : {
          transfers: mapped(transfers, (_era, kinds) =>
            mapped(kinds, (kind, transfer) => migratedTransfer(kind, transfer, isDerived)),
          ),
        }),
  };
}
