import { randomInt } from 'node:crypto';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** State in /proc/net/tcp of a socket that listens. */
const LISTEN = '0A';
/** Between two looks at /proc, so that looking takes no core from those who are to end. */
const POLL_MS = 10;

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** @returns whether a process is there; a zombie is not. */
export function isAlive(pid: number): boolean {
  const state = /^State:\s+(\S)/m.exec(contentOf(`/proc/${pid}/status`))?.[1];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** @returns pids of a process's children, alive now. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => new RegExp(`^PPid:\\s+${parent}$`, 'm').test(contentOf(`/proc/${pid}/status`)) && isAlive(pid));
}

function listening(): Map<string, number> {
  const rows = contentOf('/proc/net/tcp').split('\n').slice(1);
  const sockets = rows.map((row) => row.trim().split(/\s+/)).filter((fields) => fields[3] === LISTEN);
  return new Map(sockets.map((fields) => [fields[9], Number.parseInt(fields[1].split(':')[1], 16)]));
}

/** @returns the TCP ports that a process listens on. */
export function portsOf(pid: number): number[] {
  const sockets = listening();
  let names: string[] = [];
  try {
    names = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1];
      const port = inode === undefined ? undefined : sockets.get(inode);
      return port === undefined ? [] : [port];
    } catch {
      return [];
    }
  });
}

/** @returns whether some process listens on the port. */
export function isBound(port: number): boolean {
  return [...listening().values()].includes(port);
}

/** Looks again and again until a condition holds. @returns whether it did before the deadline. */
export async function within(milliseconds: number, holds: () => boolean): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (!holds()) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** Below the ports that the system gives to outgoing connections: one of those may take a port between two moments. */
const PORTS = { first: 20_000, end: 32_000 };

/** @returns a port that is free, and that no connection, and hardly another test, takes before somebody listens on it. */
export function freePort(): Promise<number> {
  const port = randomInt(PORTS.first, PORTS.end);
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(freePort());
      else reject(error);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(port);
      });
    });
  });
}
