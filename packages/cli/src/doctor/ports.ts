import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { messageOf } from '@epemu/core';
import { DEFAULT_PAGE_ADDRESS, TRACE_ADDRESS } from '@epemu/live';
import { DEFAULT_METRICS_ADDRESS } from '@epemu/metrics';
import { COORDINATOR_PORT } from '../launcher/join-point.js';
import { ok, warning } from './check.js';
import type { Check } from './check.js';

/** Ports that commands listen on unless told otherwise, and what for. */
const PORTS: readonly { readonly port: number; readonly what: string; readonly remedy: string }[] = [
  { port: COORDINATOR_PORT, what: 'epemu coordinator', remedy: 'give it another --port' },
  { port: DEFAULT_PAGE_ADDRESS.port, what: 'the live page', remedy: 'give another --serve' },
  { port: DEFAULT_METRICS_ADDRESS.port, what: 'metrics', remedy: 'give another --metrics' },
  {
    port: TRACE_ADDRESS.port,
    what: 'traces for Perfetto, which takes them from this port alone',
    remedy: 'end what listens there',
  },
];

/** State in /proc/net/tcp of a socket that listens. */
const LISTEN = '0A';

/** @returns inodes of sockets that listen on a port. */
function listeningInodes(port: number): string[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => {
    const rows = readFileSync(path, 'utf8').split('\n').slice(1);
    const fields = rows.map((row) => row.trim().split(/\s+/));
    const mine = fields.filter(
      (row) => row[3] === LISTEN && Number.parseInt(row[1].split(':').at(-1) ?? '', 16) === port,
    );
    return mine.map((row) => row[9]);
  });
}

function holds(pid: string, inodes: readonly string[]): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((file) => {
      const target = readlinkSync(`/proc/${pid}/fd/${file}`);
      return inodes.some((inode) => target === `socket:[${inode}]`);
    });
  } catch {
    // It has ended, or is another user's.
    return false;
  }
}

/** @returns ` by process 12 (node)`, or nothing where the system does not tell. */
function ownerText(port: number): string {
  try {
    const inodes = listeningInodes(port);
    const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && holds(name, inodes));
    return pid === undefined ? '' : ` by process ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`;
  } catch {
    return '';
  }
}

async function checkPort({ port, what, remedy }: (typeof PORTS)[number]): Promise<Check> {
  const name = `port ${port}`;
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const finding = error.code === 'EADDRINUSE' ? `in use${ownerText(port)}` : messageOf(error);
      resolve(warning(name, `${finding}; it is for ${what}`, remedy));
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(ok(name, `free, for ${what}`));
      });
    });
  });
}

/** Tries to listen on every port that some command takes by default. */
export function probePorts(): Promise<Check[]> {
  return Promise.all(PORTS.map(checkPort));
}
