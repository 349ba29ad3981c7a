import { statfsSync } from 'node:fs';
import { findCommand } from '@epemu/cluster';
import { bytesText, ok } from './check.js';
import type { Check } from './check.js';

/** Tools that some uses need, and no run. */
const TOOLS: readonly { readonly name: string; readonly commands: readonly string[]; readonly what: string }[] = [
  { name: 'containers', commands: ['docker', 'podman'], what: 'running a cluster of containers' },
  { name: 'Slurm', commands: ['sbatch'], what: 'running on the nodes of a Slurm cluster' },
  { name: 'mpirun', commands: ['mpirun'], what: 'starting workers by MPI' },
  { name: 'torchrun', commands: ['torchrun'], what: 'starting workers by torchrun' },
  { name: 'kubectl', commands: ['kubectl'], what: 'running on Kubernetes' },
  { name: 'Prometheus', commands: ['prometheus'], what: 'collecting metrics of runs' },
  { name: 'promtool', commands: ['promtool'], what: 'checking rules and metrics' },
  {
    name: 'Chromium',
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
    what: "PNGs of epemu picture and the pages' own tests",
  },
];

/** Looks for the tools that some uses need. */
export function lookForTools(): Check[] {
  return TOOLS.map(({ name, commands, what }) => {
    const found = commands.flatMap((command) => findCommand(command) ?? []);
    return ok(name, found.length > 0 ? found.join(', ') : `not found; needed only for ${what}`);
  });
}

/** Looks at shared memory in files, which epemu itself does without. */
export function lookAtSharedMemory(): Check {
  const name = '/dev/shm';
  const what = 'needed only for mpirun and for Chromium';
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return ok(name, `${bytesText(bavail * bsize)} free; ${what}`);
  } catch {
    return ok(name, `not there; ${what}`);
  }
}
