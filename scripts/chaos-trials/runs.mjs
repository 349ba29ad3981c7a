import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { removedAtExit } from './cleanup.mjs';
import { parseConfiguration } from '../../packages/config/dist/index.js';
import { buildProgram } from '../../packages/schedule/dist/index.js';

export const CLI = 'packages/cli/bin/epemu.js';
/** No process of a run is there any more after this long. */
const GONE_MS = 3000;

/** Removes what an earlier trial has left. */
export function remove(folder) {
  rmSync(folder, { recursive: true, force: true });
}

/** A run of the command, small unless told otherwise. */
export class Run {
  constructor(folder, args) {
    remove(folder);
    this.folder = folder;
    this.stderr = '';
    this.child = spawn(process.execPath, [CLI, 'run', ...args, '--out', folder], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    const gone = removedAtExit(() => this.child.kill('SIGKILL'));
    this.end = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        gone();
        resolve({ code, signal });
      });
    });
  }

  get ended() {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** @returns the worker processes that it has now. */
  workers() {
    const path = `/proc/${this.child.pid}/task/${this.child.pid}/children`;
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number) : [];
  }
}

/** @returns the arguments of a small run. */
export function small(scenario, changes = {}) {
  const workload = scenario === 'prefill' ? { 'prompt-lengths': '32,32' } : { 'tokens-per-microbatch': '32' };
  const flags = {
    ranks: 4,
    layers: 3,
    threads: 1,
    'ranks-per-worker': 1,
    fabric: 'websocket',
    ...workload,
    ...changes,
  };
  return [scenario, ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])];
}

const wholeRuns = new Map();

/** @returns how many operations each rank of a run has, all of which are of one role. */
function operationsOf(folder) {
  const configuration = parseConfiguration(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')));
  return buildProgram(configuration).operations.length;
}

/** @returns kernels, digest and operations of a small run without a fault, and how long it took, ms. */
export async function faultless(scenario, folder) {
  if (!wholeRuns.has(scenario)) {
    const begun = performance.now();
    const run = new Run(join(folder, `whole-${scenario}`), small(scenario));
    const { code } = await run.end;
    const ms = performance.now() - begun;
    if (code !== 0) throw new Error(`a run without faults ended with ${code}: ${run.stderr}`);
    const { digest } = JSON.parse(readFileSync(join(run.folder, 'report.json'), 'utf8'));
    const operations = operationsOf(run.folder);
    wholeRuns.set(scenario, { kernels: kernelsOf(run.folder), digest, operations, ms });
  }
  return wholeRuns.get(scenario);
}

/**
 * @param whole a run without a fault.
 * @returns how long nothing may move in a trial, s: as long as all of a run takes on a machine as busy as this one is.
 */
export function stallSeconds({ ms }) {
  return Math.max(3, Math.ceil(ms / 1000));
}

/** @returns those processes that are still there after a while. */
export async function left(pids) {
  const alive = () => pids.filter((pid) => existsSync(`/proc/${pid}/exe`));
  for (let waited = 0; alive().length > 0 && waited < GONE_MS; waited += 50) await delay(50);
  return alive();
}

/**
 * Looks at all that is in a run's folder.
 * @param status what its report must say.
 * @returns what is wrong; undefined for nothing.
 */
export function folderProblem(folder, { status, partials = false }) {
  if (!existsSync(folder)) return status === undefined ? undefined : 'there is no folder';
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (/spool/.test(name)) return `${name} is left`;
    if (/partial|lock/.test(name)) {
      if (partials) continue;
      return `${name} is left`;
    }
    if (!/[.](json|gz)$/.test(name)) continue;
    try {
      const bytes = readFileSync(join(folder, name));
      const content = name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
      if (/[.]json([.]gz)?$/.test(name)) JSON.parse(content.toString());
    } catch (error) {
      return `${name} is not whole: ${error.message}`;
    }
  }
  if (status === undefined) return undefined;
  const path = join(folder, 'report.json');
  const report = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
  return report?.status === status ? undefined : `its report says ${report?.status}, not ${status}`;
}

/** @returns the kernels of each rank and stream of a run's folder, in order of their starts. */
export function kernelsOf(folder) {
  const streams = new Map();
  for (const name of readdirSync(join(folder, 'ranks'))) {
    const { traceEvents } = JSON.parse(gunzipSync(readFileSync(join(folder, 'ranks', name))).toString());
    for (const { cat, tid, ts, dur, name: kernel } of traceEvents) {
      if (cat !== 'kernel') continue;
      const key = `${name} stream ${tid}`;
      if (!streams.has(key)) streams.set(key, []);
      streams.get(key).push({ ts, dur, kernel });
    }
  }
  for (const kernels of streams.values()) kernels.sort((a, b) => a.ts - b.ts);
  return streams;
}

/** @returns the first event in which a run that failed is no beginning of the one that did not; undefined for none. */
export function divergence(whole, part) {
  for (const [stream, kernels] of part) {
    const expected = whole.get(stream) ?? [];
    const at = kernels.findIndex((kernel, i) => JSON.stringify(kernel) !== JSON.stringify(expected[i]));
    if (at >= 0) {
      return `${stream}, event ${at}: ${JSON.stringify(kernels[at])} where ${JSON.stringify(expected[at])} was due`;
    }
  }
  return undefined;
}
