import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { findCommand } from '@epemu/cluster';
import { PROJECT, labScript, runCommand } from './commands.js';

/** Between two questions to Slurm, which answers in some 10 ms. */
const POLL_MS = 100;
/** States in which a job is over. */
const OVER = ['COMPLETED', 'FAILED', 'CANCELLED', 'TIMEOUT', 'NODE_FAIL', 'OUT_OF_MEMORY'];

/** How a job has ended. */
export interface JobEnd {
  readonly state: string;
  readonly exitCode: number;
}

/** A Slurm that answers: this machine's own, or that of a lab. */
export class Slurm {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #lab: string | undefined;

  private constructor(environment: Readonly<Record<string, string>>, lab: string | undefined) {
    this.#environment = environment;
    this.#lab = lab;
  }

  /** @returns a Slurm to submit to, its lab started if need be; undefined where the machine has none. */
  static async find(): Promise<Slurm | undefined> {
    if (findCommand('sbatch') === undefined) return undefined;
    const own = new Slurm({}, undefined);
    if (await own.#answers()) return own;
    const lab = labScript('EPEMU_SLURM_LAB', 'slurm-lab');
    if (lab === undefined) return undefined;
    const configuration = /SLURM_CONF=(\S+)/.exec(execFileSync(lab, ['env'], { encoding: 'utf8' }))?.[1] ?? '';
    const running = new Slurm({ SLURM_CONF: configuration }, undefined);
    if (await running.#answers()) return running;
    // Starting needs root and the daemons; what is not installed is not installed for a test.
    if (process.getuid?.() !== 0 || findCommand('slurmctld') === undefined) return undefined;
    const { code, stderr } = await runCommand(lab, ['up']);
    if (code !== 0) throw new Error(`the Slurm of ${lab} does not start: ${stderr}`);
    return new Slurm({ SLURM_CONF: configuration }, lab);
  }

  /** Stops the daemons, if {@link find} started them. */
  async close(): Promise<void> {
    if (this.#lab !== undefined) await runCommand(this.#lab, ['down']);
  }

  /** Submits a batch script in a folder. @returns the job's number. */
  async submit(folder: string, args: readonly string[], environment: Record<string, string> = {}): Promise<string> {
    return (await this.run('sbatch', ['--parsable', '--overcommit', ...args], folder, environment)).trim();
  }

  /** Runs one of Slurm's commands. @returns what it prints. @throws when it fails. */
  async run(
    command: string,
    args: readonly string[],
    folder: string = PROJECT,
    environment: Record<string, string> = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await runCommand(command, args, { ...this.#environment, ...environment }, folder);
    if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${stderr}`);
    return stdout;
  }

  /** Waits until a job is over. */
  async jobEnd(job: string): Promise<JobEnd> {
    for (;;) {
      const text = await this.run('scontrol', ['show', 'job', job]);
      const state = /JobState=(\w+)/.exec(text)?.[1] ?? '';
      if (OVER.includes(state)) return { state, exitCode: Number(/ExitCode=(\d+):/.exec(text)?.[1]) };
      await delay(POLL_MS);
    }
  }

  async #answers(): Promise<boolean> {
    return (await runCommand('scontrol', ['ping'], this.#environment)).stdout.includes('UP');
  }
}

/** @returns pids of processes on this machine that belong to a job. */
export function processesOfJob(job: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const mine =
        /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`, 'latin1').includes(`SLURM_JOB_ID=${job}\0`);
      return mine ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}
