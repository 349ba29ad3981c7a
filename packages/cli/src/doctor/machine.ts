import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { findCommand } from '@epemu/cluster';
import { bytesText, ok, problem, warning } from './check.js';
import type { Check } from './check.js';
import { cgroupCores, cgroupProcesses, processLimit } from './limits.js';

/** What a machine has for runs, measured. */
export interface Machine {
  readonly nodeVersion: string;
  /** Cores, or the share of them that cgroups allow. */
  readonly cores: number;
  /** Memory that new processes may take, bytes. */
  readonly memoryBytes: number;
  /** Files that a process may have open; Infinity where the system does not tell. */
  readonly openFiles: number;
  /** Processes and threads that this user may have; Infinity for no limit. */
  readonly processes: number;
  readonly platform: string;
  /** Where `setpriv` is. */
  readonly setpriv: string | undefined;
  /** The locale that decides how text is encoded. */
  readonly locale: string;
}

/** Looks at this machine. */
export function lookAtMachine(): Machine {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  return {
    nodeVersion: process.versions.node,
    cores: Math.min(availableParallelism(), cgroupCores()),
    memoryBytes: process.availableMemory(),
    openFiles: processLimit('Max open files'),
    // The system does not hold root to its limit.
    processes: Math.min(process.getuid?.() === 0 ? Infinity : processLimit('Max processes'), cgroupProcesses()),
    platform: process.platform,
    setpriv: findCommand('setpriv'),
    locale: [LC_ALL, LC_CTYPE, LANG].find((value) => value !== undefined && value !== '') ?? '',
  };
}

/** What a run needs of a machine. */
export interface Needs {
  readonly memoryBytes: number;
  readonly openFiles: number;
  readonly processes: number;
}

/** Versions of Node that epemu is made for, as `>=20.19`. */
export function neededNode(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { engines: { node: string } }).engines.node;
}

function isAtLeast(version: string, range: string): boolean {
  const [have, need] = [version, range.replace('>=', '')].map((text) => text.split('.').map(Number));
  const differing = need.findIndex((part, i) => have[i] !== part);
  return differing < 0 || have[differing] > need[differing];
}

function nodeCheck({ nodeVersion }: Machine): Check {
  const needed = neededNode();
  const finding = `${nodeVersion}, needed ${needed}`;
  return isAtLeast(nodeVersion, needed)
    ? ok('Node', finding)
    : problem('Node', finding, `install Node ${needed.replace('>=', '')} or newer`);
}

function coresCheck({ cores }: Machine): Check {
  const finding = `${Number(cores.toFixed(2))} core${cores === 1 ? '' : 's'}`;
  if (cores >= 2) return ok('cores', finding);
  return warning('cores', finding, 'runs work, slowly; give this machine or container 2 cores or more');
}

function filesCheck({ openFiles }: Machine, needs: Needs): Check {
  if (openFiles === Infinity) return ok('open files', 'no limit is told');
  const finding = `a process may have ${openFiles} open, the default run needs ${needs.openFiles}`;
  return openFiles >= needs.openFiles
    ? ok('open files', finding)
    : problem('open files', finding, `raise the limit (ulimit -n ${needs.openFiles}), or use --fabric memory`);
}

function processesCheck({ processes }: Machine, needs: Needs): Check {
  if (processes === Infinity) return ok('processes', 'no limit');
  const finding = `${processes} processes and threads allowed, the default run needs ${needs.processes}`;
  return processes >= needs.processes
    ? ok('processes', finding)
    : problem('processes', finding, 'raise the limit (ulimit -u, pids.max of the cgroup), or use --fabric memory');
}

function memoryCheck({ memoryBytes }: Machine, needs: Needs): Check {
  const finding = `${bytesText(memoryBytes)} available, the default run needs ${bytesText(needs.memoryBytes)}`;
  return memoryBytes >= needs.memoryBytes
    ? ok('memory', finding)
    : problem('memory', finding, 'free memory or raise the limit; below is what fits');
}

function setprivCheck({ platform, setpriv }: Machine): Check {
  if (platform !== 'linux') return ok('setpriv', `there is none on ${platform}; workers end with their connection`);
  return setpriv === undefined
    ? warning('setpriv', 'not found', 'install util-linux, so that no worker outlives a killed run')
    : ok('setpriv', setpriv);
}

function terminalCheck({ locale }: Machine): Check {
  if (/utf-?8/i.test(locale)) return ok('terminal', `text is UTF-8 (${locale})`);
  const finding = locale === '' ? 'no locale is set' : `the locale is ${locale}`;
  return warning('terminal', finding, 'export LC_ALL=C.UTF-8 where µ and → look wrong');
}

/** Holds a machine against what the default run needs. */
export function machineChecks(machine: Machine, needs: Needs): Check[] {
  return [
    nodeCheck(machine),
    coresCheck(machine),
    memoryCheck(machine, needs),
    filesCheck(machine, needs),
    processesCheck(machine, needs),
    setprivCheck(machine),
    terminalCheck(machine),
  ];
}
