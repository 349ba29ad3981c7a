import { readFileSync } from 'node:fs';
import { join } from 'node:path';

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** @returns a positive number, or Infinity for `max`, `-1`, `unlimited` and what is not there. */
function limit(text: string | undefined): number {
  const value = Number(text);
  return text !== undefined && text !== '' && value > 0 ? value : Infinity;
}

/** A process's folder of one cgroup controller, and all those above it: each may limit. */
function cgroupFolders(root: string, controller: string): string[] {
  const lines = contentOf(join(root, 'proc/self/cgroup')).split('\n');
  const entries = lines.map((line) => /^\d+:([^:]*):(.*)$/.exec(line)).filter((match) => match !== null);
  const mounts = entries.flatMap(([, controllers, path]) => {
    // The one hierarchy of version 2 has no controllers in its line; version 1 has one mount for each.
    if (controllers === '') return [{ mount: 'sys/fs/cgroup', path }];
    return controllers.split(',').includes(controller) ? [{ mount: `sys/fs/cgroup/${controller}`, path }] : [];
  });
  return mounts.flatMap(({ mount, path }) => {
    const parts = path.split('/').filter((part) => part !== '');
    return Array.from({ length: parts.length + 1 }, (_, above) =>
      join(root, mount, ...parts.slice(0, parts.length - above)),
    );
  });
}

/** @returns cores that this process may use by its cgroups; Infinity where none limits. @param root of the file system. */
export function cgroupCores(root = '/'): number {
  const quotas = cgroupFolders(root, 'cpu').flatMap((folder) => {
    const [quota, period] = contentOf(join(folder, 'cpu.max')).split(' ');
    const older = limit(contentOf(join(folder, 'cpu.cfs_quota_us')));
    return [limit(quota) / Number(period ?? '1'), older / Number(contentOf(join(folder, 'cpu.cfs_period_us')) || '1')];
  });
  return Math.min(...quotas, Infinity);
}

/** @returns how many processes and threads the cgroups allow. @param root of the file system. */
export function cgroupProcesses(root = '/'): number {
  return Math.min(...cgroupFolders(root, 'pids').map((folder) => limit(contentOf(join(folder, 'pids.max')))), Infinity);
}

/** @returns a limit of this process by its name in /proc/self/limits; Infinity where there is none. */
export function processLimit(name: string, root = '/'): number {
  const line = new RegExp(`^${name} +(\\S+)`, 'm').exec(contentOf(join(root, 'proc/self/limits')));
  return limit(line?.[1]);
}
