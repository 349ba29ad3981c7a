import { BadInputError } from '@epemu/core';
import { at } from './place.js';
import type { Place } from './place.js';
import type { LinkPorts } from './port.js';
import type { TransferRate } from './transfer-rate.js';

/** Transfers of kernels that hold SMs, and go by two links. */
const SM_TRANSFERS = ['dispatch', 'cachedDispatch', 'combine'];

/** What a hardware preset says of its links. */
interface Linked {
  readonly ports: LinkPorts;
  /** By era and kind. */
  readonly transfers: Readonly<Record<string, Readonly<Record<string, TransferRate>>>>;
}

/**
 * Checks that transfers and links know each other: hops name links of the table, each with rates, and rates are of hops.
 * @throws BadInputError naming file, line and key.
 */
export function checkLinks({ ports, transfers }: Linked, place: Place): void {
  const known = Object.keys(ports);
  const refuse = (path: readonly string[], problem: string, remedy: string): never => {
    const key = path.join('.');
    throw new BadInputError(key, `in the preset ${at(place, path)}${key} ${problem}; ${remedy}`);
  };
  if (known.length === 0) refuse(['ports'], 'is empty', 'give a link');
  for (const [era, kinds] of Object.entries(transfers)) {
    for (const [kind, { hops, links, sm }] of Object.entries(kinds)) {
      const path = ['transfers', era, kind];
      const unknown = hops.find((link) => !known.includes(link));
      if (unknown !== undefined) {
        refuse([...path, 'hops'], `names the unknown link ${unknown}`, `give some of ports: ${known.join(', ')}`);
      }
      const twice = hops.find((link, hop) => hops.indexOf(link) !== hop);
      if (twice !== undefined) refuse([...path, 'hops'], `names ${twice} twice`, 'give each hop a link of its own');
      const without = hops.find((link) => links[link] === undefined);
      if (without !== undefined) refuse([...path, 'links', without], 'is missing', 'give the rates of that hop');
      const unused = Object.keys(links).find((link) => !hops.includes(link));
      if (unused !== undefined) {
        refuse([...path, 'links', unused], 'is of no hop', `remove it, or name ${unused} in ${kind}.hops`);
      }
      if (!SM_TRANSFERS.includes(kind)) continue;
      if (sm === undefined && hops.some((link) => links[link].GBpsPerSm === undefined)) {
        refuse([...path, 'sm'], 'is missing', 'give what one communication SM copies');
      }
      const toNodes = sm?.nodeCopyGBps ?? sm?.sharedNodeGBps;
      if (sm !== undefined && (toNodes === undefined || sm.rankCopyGBps === undefined)) {
        const rate = toNodes === undefined ? 'nodeCopyGBps' : 'rankCopyGBps';
        refuse([...path, 'sm', rate], 'is missing', 'give the bytes a ns that one communication SM copies');
      }
    }
  }
  const transfersOfAll = Object.values(transfers).flatMap((kinds) => Object.values(kinds));
  const idle = known.find((link) => !transfersOfAll.some(({ hops }) => hops.includes(link)));
  if (idle !== undefined) {
    refuse(['ports', idle], 'is taken by no hop', 'remove it, correct its name, or name it in the hops of a transfer');
  }
}
