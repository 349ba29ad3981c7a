import { BadInputError } from '@epemu/core';
import { hostAndPort } from '@epemu/http';
import { detectLauncher } from './detect.js';
import type { Environment, Launch } from './detect.js';

/** Where coordinators listen and workers look for them unless told otherwise. */
export const COORDINATOR_PORT = 7077;

/** Where a worker joins, and as which of several. */
export interface JoinPoint {
  readonly coordinatorUrl: string;
  /** Place among the processes that a launcher started. */
  readonly place?: number;
  /** What was found, for the user; absent where nothing was looked for. */
  readonly finding?: string;
}

/** What to write where a launcher does not tell the coordinator's host. */
const REMEDIES: Readonly<Record<Launch['launcher'], string>> = {
  Slurm: 'export EPEMU_COORDINATOR=ws://host:7077 before srun',
  mpirun: 'call mpirun -x EPEMU_COORDINATOR=ws://host:7077 -x EPEMU_TOKEN',
  torchrun: 'set MASTER_ADDR, or EPEMU_COORDINATOR=ws://host:7077',
  Kubernetes: "set EPEMU_COORDINATOR in the pod's env, such as ws://epemu-coordinator:7077",
};

function processText({ place, processes, job }: Launch): string {
  const of = processes === undefined ? 'an Indexed Job' : String(processes);
  return `process ${place} of ${of}${job === undefined ? '' : ` of job ${job}`}`;
}

function noCoordinator(environment: Environment): BadInputError {
  const job = environment['SLURM_JOB_ID'];
  const found =
    job === undefined
      ? 'no Slurm, mpirun, torchrun or Kubernetes has started this process'
      : `this process is in Slurm job ${job}, but srun has not started it`;
  const remedy = job === undefined ? 'give ws://host:7077' : 'write srun epemu worker, or give ws://host:7077';
  return new BadInputError('--coordinator', `--coordinator is not set, and ${found}; ${remedy}`);
}

/**
 * Finds out where a worker joins: what it is told comes before what its launcher says.
 * @param given the coordinator's address by flag or EPEMU_COORDINATOR; undefined for none.
 * @param scheme of an address that is made of what the launcher says.
 * @throws BadInputError when neither tells.
 */
export function joinPointOf(
  given: string | undefined,
  environment: Environment,
  scheme: 'ws' | 'wss' = 'ws',
): JoinPoint {
  const launch = detectLauncher(environment);
  if (launch === undefined) {
    if (given === undefined) throw noCoordinator(environment);
    return { coordinatorUrl: given };
  }
  const { launcher, place, coordinatorHost } = launch;
  const found =
    coordinatorHost === undefined ? undefined : `${scheme}://${hostAndPort(coordinatorHost, COORDINATOR_PORT)}`;
  const coordinatorUrl = given ?? found;
  if (coordinatorUrl === undefined) {
    const problem = `--coordinator is not set, and ${launcher} does not say on which host the coordinator is`;
    throw new BadInputError('--coordinator', `${problem}; ${REMEDIES[launcher]}`);
  }
  return {
    coordinatorUrl,
    place,
    finding: `launched by ${launcher}: ${processText(launch)}, coordinator ${coordinatorUrl}`,
  };
}
