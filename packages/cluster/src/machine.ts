import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * @returns what all processes under one kernel share, whatever containers or network namespaces they are in: they share
 * its cores too. Linux has an id of each boot; elsewhere the host's name stands for it.
 */
export function machineId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return hostname();
  }
}
