import type { CollectiveUse, Operation, Program } from './program.js';

/** A rank's number of a direction of a link: 2 × the link's index in {@link Program.links}, 1 more for what comes in. */
export type Port = number;

/** @returns the port by which a rank sends over a link. */
export function outPort(link: number): Port {
  return link * 2;
}

/** @returns the port by which a rank receives over a link. */
export function inPort(link: number): Port {
  return link * 2 + 1;
}

/** @returns whether a rank sends by a port. */
export function isOutPort(port: Port): boolean {
  return port % 2 === 0;
}

/** @returns the index of a port's link in {@link Program.links}. */
export function linkOfPort(port: Port): number {
  return port >> 1;
}

/** @returns how many ports a rank has. */
export function portCount({ links }: Pick<Program, 'links'>): number {
  return links.length * 2;
}

/** @returns the ports that an operation's hops use at a rank, hop by hop: all hops send and receive, but in sends. */
export function portsOf({ type, hops }: CollectiveUse): readonly Port[] {
  return hops.flatMap((link) => [
    ...(type === 'receive' ? [] : [outPort(link)]),
    ...(type === 'send' ? [] : [inPort(link)]),
  ]);
}

/** @returns the links by which a collective reaches the other nodes, and the own one. */
export function linksByReach({ mode, type, hops }: CollectiveUse): { between: number; inside: number } {
  const isBack = mode === 'normal' && type === 'combine';
  const [between, inside = between] = isBack ? [...hops].reverse() : hops;
  return { between, inside };
}

/**
 * @returns whether a low-latency collective leaves the own node's peers to a link of their own: hop 2 goes to these, at the
 * same time as hop 1 to the others.
 */
export function splitsByNode({ mode, hops }: CollectiveUse): boolean {
  return mode === 'low-latency' && hops.length > 1;
}

/** @returns the operations that move bytes, in launch order: the collectives and the issues. */
export function transferOperations(program: Pick<Program, 'operations'>): Operation[] {
  return program.operations.filter((operation) => operation.kind === 'collective' || operation.kind === 'issue');
}
