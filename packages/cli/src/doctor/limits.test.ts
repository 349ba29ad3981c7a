import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { cgroupCores, cgroupProcesses, processLimit } from './limits.js';

describe('limits of this process', () => {
  let root = '';

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'epemu-limits-'));
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  /** Writes files as the kernel shows them. */
  function show(files: Record<string, string>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), `${text}\n`);
    }
  }

  it('are those of the narrowest cgroup above it, in version 2', () => {
    show({
      'proc/self/cgroup': '0::/user/job',
      'sys/fs/cgroup/user/job/cpu.max': 'max 100000',
      'sys/fs/cgroup/user/cpu.max': '150000 100000',
      'sys/fs/cgroup/user/job/pids.max': '64',
      'sys/fs/cgroup/user/pids.max': 'max',
    });
    expect(cgroupCores(root)).to.equal(1.5);
    expect(cgroupProcesses(root)).to.equal(64);
  });

  it('are those of each controller, in version 1, and those of a container at the top of its own', () => {
    show({
      'proc/self/cgroup': '8:pids:/box\n1:cpu,cpuacct:/box\n0::/',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
      'sys/fs/cgroup/pids/pids.max': '512',
    });
    expect(cgroupCores(root)).to.equal(0.5);
    expect(cgroupProcesses(root)).to.equal(512);
  });

  it('are none where the kernel tells none', () => {
    show({
      'proc/self/cgroup': '1:cpu:/\n0::/',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
    });
    expect([cgroupCores(root), cgroupProcesses(root)]).to.deep.equal([Infinity, Infinity]);
    expect([cgroupCores(join(root, 'none')), processLimit('Max open files', root)]).to.deep.equal([Infinity, Infinity]);
  });

  it('are read by their names in /proc/self/limits, of which the soft one holds', () => {
    show({
      'proc/self/limits': [
        'Limit                     Soft Limit           Hard Limit           Units     ',
        'Max processes             unlimited            unlimited            processes ',
        'Max open files            1024                 20000                files     ',
      ].join('\n'),
    });
    expect(processLimit('Max open files', root)).to.equal(1024);
    expect(processLimit('Max processes', root)).to.equal(Infinity);
  });
});
