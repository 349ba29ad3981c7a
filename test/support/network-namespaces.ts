import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import './machine.js';

const IP = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'].find((path) => existsSync(path));

function ip(...args: string[]): void {
  execFileSync(IP ?? 'ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** How a process in a namespace ended. */
export interface HostEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine of its own as far as the network, the host name and, where asked for, the clock are concerned. */
export interface TestHost {
  readonly name: string;
  readonly address: string;
  readonly namespace: string;
  /** Seconds by which its monotonic clock is ahead. */
  readonly clockAheadSeconds: number;
}

/** Hosts on one bridge, made of network namespaces and veth pairs; needs root and iproute2. */
export class TestNetwork {
  readonly hosts: readonly TestHost[];
  readonly #processes = new Set<ChildProcess>();

  private constructor(hosts: readonly TestHost[]) {
    this.hosts = hosts;
  }

  /** @returns whether this machine and user can make namespaces. */
  static get possible(): boolean {
    if (IP === undefined || process.getuid?.() !== 0) return false;
    const name = `epemu${process.pid}try`;
    try {
      ip('netns', 'add', name);
      ip('netns', 'del', name);
      execFileSync('unshare', ['--uts', '--time', '--monotonic', '5', '--fork', 'true'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }

  /** Makes hosts with the given clocks; the first one's namespace has the bridge. */
  static make(clocksAheadSeconds: readonly number[]): TestNetwork {
    const hosts = clocksAheadSeconds.map((clockAheadSeconds, i) => ({
      name: `host${i}`,
      address: `10.77.0.${i + 1}`,
      namespace: `epemu${process.pid}h${i}`,
      clockAheadSeconds,
    }));
    const network = new TestNetwork(hosts);
    try {
      network.#connect();
    } catch (error) {
      network.remove();
      throw error;
    }
    return network;
  }

  #connect(): void {
    const [{ namespace: first }] = this.hosts;
    for (const [i, { namespace, address }] of this.hosts.entries()) {
      const inside = (...args: string[]): void => {
        ip('-n', namespace, ...args);
      };
      ip('netns', 'add', namespace);
      inside('link', 'set', 'lo', 'up');
      if (i === 0) {
        inside('link', 'add', 'bridge', 'type', 'bridge');
        inside('addr', 'add', `${address}/24`, 'dev', 'bridge');
        inside('link', 'set', 'bridge', 'up');
        continue;
      }
      ip('link', 'add', `port${i}`, 'netns', first, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
      ip('-n', first, 'link', 'set', `port${i}`, 'master', 'bridge', 'up');
      inside('addr', 'add', `${address}/24`, 'dev', 'eth0');
      inside('link', 'set', 'eth0', 'up');
    }
  }

  /** Starts Node on a host. */
  start(
    { namespace, name, clockAheadSeconds }: TestHost,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): { readonly child: ChildProcess; readonly end: Promise<HostEnd> } {
    const clock = clockAheadSeconds === 0 ? [] : ['--time', '--monotonic', String(clockAheadSeconds)];
    const node = ['sh', '-c', `hostname ${name} && exec "$0" "$@"`, process.execPath, ...args];
    const own = ['unshare', '--uts', ...clock, '--fork', '--kill-child', ...node];
    const child = spawn(IP ?? 'ip', ['netns', 'exec', namespace, ...own], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.#processes.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const end = new Promise<HostEnd>((resolve) => {
      child.once('close', (code) => {
        this.#processes.delete(child);
        resolve({ code, stdout, stderr });
      });
    });
    return { child, end };
  }

  /** Takes a host's cable out, or puts it back in: what is sent meanwhile is lost without a word. Not the first host's. */
  setLink(host: TestHost, state: 'up' | 'down'): void {
    ip('-n', this.hosts[0].namespace, 'link', 'set', this.#portOf(host), state);
  }

  /** Keeps hosts from each other, but not from the first one. */
  isolate(hosts: readonly TestHost[]): void {
    for (const host of hosts) {
      const port = this.#portOf(host);
      ip('-n', this.hosts[0].namespace, 'link', 'set', port, 'type', 'bridge_slave', 'isolated', 'on');
    }
  }

  /** Processes of a host that have not ended. */
  left(host: TestHost): number[] {
    const pids = execFileSync(IP ?? 'ip', ['netns', 'pids', host.namespace]).toString();
    return pids.split('\n').filter(Boolean).map(Number);
  }

  #portOf(host: TestHost): string {
    return `port${this.hosts.indexOf(host)}`;
  }

  /** Ends what runs there and takes the namespaces away. */
  remove(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
    for (const { namespace } of this.hosts) {
      try {
        ip('netns', 'del', namespace);
      } catch {
        // It was never made.
      }
    }
  }
}
