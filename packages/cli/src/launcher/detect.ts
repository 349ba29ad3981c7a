/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What started this process as one of several. */
export interface Launch {
  readonly launcher: 'torchrun' | 'mpirun' | 'Slurm' | 'Kubernetes';
  /** Place among the processes that it started, from 0. */
  readonly place: number;
  /** How many it started; Kubernetes does not say. */
  readonly processes?: number;
  /** Slurm's number of the job. */
  readonly job?: string;
  /** Host on which the coordinator is to be looked for; absent where the environment tells none. */
  readonly coordinatorHost?: string;
}

/** @returns a variable's whole number from 0; undefined where it holds anything else. */
function count(environment: Environment, name: string): number | undefined {
  const text = environment[name] ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** @returns a place and the number of processes, where two variables hold such a pair. */
function pair(
  environment: Environment,
  placeName: string,
  processesName: string,
): { place: number; processes: number } | undefined {
  const place = count(environment, placeName);
  const processes = count(environment, processesName);
  return place === undefined || processes === undefined || place >= processes ? undefined : { place, processes };
}

/** @returns the first host of a list as Slurm writes it: `node[001-003,007],gpu5` begins with `node001`. */
export function firstHost(nodeList: string): string {
  const first = /^(?:[^,[\]]|\[[^\]]*\])*/.exec(nodeList)?.[0] ?? '';
  return first.replace(/\[([^\],-]*)[^\]]*\]/g, '$1');
}

/** A host, unless none is known. */
function hosted(host: string | undefined): { coordinatorHost?: string } {
  return host === undefined || host === '' ? {} : { coordinatorHost: host };
}

/** The batch script of a Slurm job, and with it the coordinator, runs on the job's first host. */
function slurmHost(environment: Environment): string | undefined {
  const list = environment['SLURM_JOB_NODELIST'] ?? environment['SLURM_NODELIST'];
  return list === undefined ? undefined : firstHost(list);
}

function torchrun(environment: Environment): Launch | undefined {
  // Users and other tools set RANK for purposes of their own; torchrun sets all of these.
  if (count(environment, 'LOCAL_RANK') === undefined) return undefined;
  const found = pair(environment, 'RANK', 'WORLD_SIZE');
  return found && { launcher: 'torchrun', ...found, ...hosted(environment['MASTER_ADDR'] ?? slurmHost(environment)) };
}

function mpirun(environment: Environment): Launch | undefined {
  const openMpi = pair(environment, 'OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE');
  const found = openMpi ?? pair(environment, 'PMI_RANK', 'PMI_SIZE');
  if (found === undefined) return undefined;
  // srun speaks PMI, too.
  const step = slurm(environment);
  if (openMpi === undefined && step?.place === found.place && step.processes === found.processes) return undefined;
  const local = count(environment, openMpi === undefined ? 'MPI_LOCALNRANKS' : 'OMPI_COMM_WORLD_LOCAL_SIZE');
  // All processes on one machine: mpirun was called there, and the coordinator beside it.
  const host = slurmHost(environment) ?? (local === found.processes ? '127.0.0.1' : undefined);
  return { launcher: 'mpirun', ...found, ...hosted(host) };
}

function slurm(environment: Environment): Launch | undefined {
  const job = environment['SLURM_JOB_ID'];
  // A batch script is in a job, but in no step: nobody has started it several times.
  if (job === undefined || environment['SLURM_STEP_ID'] === undefined) return undefined;
  const found = pair(environment, 'SLURM_PROCID', 'SLURM_NTASKS');
  return found && { launcher: 'Slurm', ...found, job, ...hosted(slurmHost(environment)) };
}

function kubernetes(environment: Environment): Launch | undefined {
  const place = count(environment, 'JOB_COMPLETION_INDEX');
  return place === undefined ? undefined : { launcher: 'Kubernetes', place };
}

/** Innermost first: what runs inside which is what people do; the outer one's variables reach the process as well. */
const DETECTORS = [torchrun, mpirun, slurm, kubernetes];

/** @returns what started this process as one of several, the innermost launcher where several did. */
export function detectLauncher(environment: Environment): Launch | undefined {
  for (const detect of DETECTORS) {
    const launch = detect(environment);
    if (launch !== undefined) return launch;
  }
  return undefined;
}
