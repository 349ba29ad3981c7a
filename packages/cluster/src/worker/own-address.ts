import { externalAddress, hostOf, isLoopback } from '@epemu/http';

/**
 * @param localAddress where the connection to the coordinator goes out from.
 * @returns the address at which peers reach this worker. That is the local address, except where the coordinator's name
 * leads back to this machine by its loopback, as Debian has it for a host's own name: peers on other machines use the
 * name too, and must not be told the loopback.
 */
export function ownAddress(localAddress: string, coordinatorUrl: string): string {
  const coordinator = hostOf(new URL(coordinatorUrl));
  if (!isLoopback(localAddress) || isLoopback(coordinator)) return localAddress;
  return externalAddress('IPv4') ?? localAddress;
}
