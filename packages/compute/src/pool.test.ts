import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { expertBackward, expertForward } from './experts.js';
import { makeBatch } from './fixtures.test.js';
import { Kernel } from './kernel.js';
import { ComputeError, ComputePool } from './pool.js';
import { sharedFloat32, sharedUint16 } from './shared.js';
import type { WeightKey } from './tasks.js';
import { WeightCache } from './weight-cache.js';

const key: WeightKey = { seed: 1, layer: 0, kind: 'shared', index: 0 };

/** @returns the error a promise was rejected with. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the promise was not rejected');
}

describe('ComputePool', () => {
  let pool: ComputePool;
  beforeEach(() => {
    pool = new ComputePool({ threads: 2, hidden: 16 });
  });
  afterEach(() => pool.close());

  it('starts no thread before the first task', async () => {
    expect(pool.started).to.equal(false);
    await pool.initialise({ seed: 1, kind: 'activation', firstToken: 0, output: sharedFloat32(0) });
    expect(pool.started).to.equal(true);
  });

  it('counts its tasks, the time they took and its threads, which a closed pool has none of', async () => {
    expect(pool.statistics).to.deep.equal({ threads: 0, tasks: 0, busyNs: 0, queuedTasks: 0 });
    const first = { seed: 1, kind: 'activation', firstToken: 0 } as const;
    const tasks = Array.from({ length: 5 }, () => pool.initialise({ ...first, output: sharedFloat32(16) }));
    expect(pool.statistics.queuedTasks).to.be.within(3, 5);
    const timings = await Promise.all(tasks);
    const busyNs = timings.reduce((sum, { startNs, endNs }) => sum + endNs - startNs, 0);
    expect(pool.statistics).to.deep.equal({ threads: 2, tasks: 5, busyNs, queuedTasks: 0 });
    await pool.close();
    expect(pool.statistics).to.deep.equal({ threads: 0, tasks: 5, busyNs, queuedTasks: 0 });
  });

  it('writes in place what the functions themselves compute, and checks it', async () => {
    const batch = makeBatch(50, 16, 8, 3);
    const { combined } = batch;
    const local = makeBatch(50, 16, 8, 3);
    expertForward(new Kernel(16), new WeightCache(16), { ...local, partial: local.combined });
    expertBackward(new Kernel(16), new WeightCache(16), local);
    await Promise.all([pool.expertForward({ ...batch, partial: combined }), pool.expertBackward(batch)]);
    expect(combined).to.deep.equal(local.combined);
    expect(batch.partial).to.deep.equal(local.partial);
    const common = { ...batch, seed: 1, layer: 2, input: batch.tokens };
    const results = [
      pool.checkForward({ ...common, combined }),
      pool.checkBackward({ ...common, returned: batch.partial }),
    ];
    for (const { numerics, timing } of await Promise.all(results)) {
      expect(numerics).to.include({ tokensChecked: 50, missing: 0, duplicated: 0, wrong: 0 });
      expect(timing.endNs).to.be.above(timing.startNs);
      expect(timing.thread).to.be.above(0);
    }
  });

  it('routes and applies residual functions in a thread', async () => {
    const shape = {
      experts: 16,
      topK: 2,
      groups: 1,
      topGroups: 1,
      groupScoreExperts: 2,
      ranks: 2,
      rankSize: 8,
      nodeSize: 1,
    };
    const expertIds = sharedUint16(16);
    const weights = sharedFloat32(16);
    const request = { kind: 'balanced' as const, seed: 1, layer: 0, microBatch: 0, rank: 0, tokens: 8, shape };
    await pool.route({ request, expertIds, weights });
    expect(Array.from(expertIds).sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 16 }, (_, i) => i));
    const input = sharedFloat32(64).fill(0.5);
    const output = sharedFloat32(64);
    await pool.residualForward({ key, input, output });
    expect(output.every((value) => value !== 0 && value !== 0.5)).to.equal(true);
    const gradient = sharedFloat32(64);
    await pool.residualBackward({ key, input, gradient, output });
    expect(output.every((value) => value === 0)).to.equal(true);
  });

  it('tells when a task ran, on the host clock of this process, and in which thread', async () => {
    const before = Number(process.hrtime.bigint());
    const { startNs, endNs, thread } = await pool.residualForward({
      key,
      input: sharedFloat32(16),
      output: sharedFloat32(16),
    });
    const after = Number(process.hrtime.bigint());
    expect([before, startNs, endNs, after]).to.deep.equal([before, startNs, endNs, after].sort((a, b) => a - b));
    expect(thread).to.be.above(0);
  });

  it('takes batches without tokens or rows', async () => {
    const none = makeBatch(0, 16, 4, 2);
    await pool.expertForward({ ...none, partial: none.combined });
    await pool.expertBackward(none);
    await pool.residualForward({ key, input: sharedFloat32(0), output: sharedFloat32(0) });
    const { numerics } = await pool.checkForward({ ...none, seed: 1, layer: 2, input: none.tokens });
    expect(numerics.tokensChecked).to.equal(0);
  });

  it('rejects with operation and reason when a thread fails, and goes on working', async () => {
    const error = await rejection(pool.residualForward({ key, input: sharedFloat32(16), output: sharedFloat32(32) }));
    expect(error).to.be.instanceOf(ComputeError);
    expect((error as ComputeError).message).to.match(/residualForward failed in a compute thread: 16 inputs for 32/);
    await pool.residualForward({ key, input: sharedFloat32(16), output: sharedFloat32(16) });
  });

  it('rejects arrays outside shared memory: results written to a clone would be lost', async () => {
    const error = await rejection(
      pool.residualForward({ key, input: sharedFloat32(16), output: new Float32Array(16) }),
    );
    expect((error as ComputeError).message).to.include('output is not in shared memory');
    expect(pool.started).to.equal(false);
  });

  it('rejects when the built thread is not where it should be, by its path', async () => {
    const missing = new ComputePool({ threads: 1, hidden: 16, threadUrl: new URL('file:///nowhere/thread.js') });
    const error = await rejection(
      missing.residualForward({ key, input: sharedFloat32(16), output: sharedFloat32(16) }),
    );
    expect((error as ComputeError).message).to.include('/nowhere/thread.js is missing');
  });

  it('rejects every task, queued ones too, when threads cannot even load', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'epemu-compute-'));
    try {
      await writeFile(join(folder, 'thread.js'), 'throw new Error("broken entry");');
      await writeFile(join(folder, 'kernel.wasm'), '');
      const threadUrl = pathToFileURL(join(folder, 'thread.js'));
      const broken = new ComputePool({ threads: 2, hidden: 16, threadUrl });
      const task = { key, input: sharedFloat32(16), output: sharedFloat32(16) };
      const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => broken.residualForward(task)));
      for (const outcome of outcomes) {
        expect(outcome.status === 'rejected' && String(outcome.reason)).to.match(/broken entry/);
      }
      await broken.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('leaves no thread, rejects what was queued and what comes later, and closes twice', async () => {
    const threads = (): number => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
    const before = threads();
    const batch = makeBatch(2000, 16, 8, 3);
    const running = Array.from({ length: 8 }, () => pool.expertBackward({ ...batch }));
    const outcomes = Promise.allSettled(running);
    await Promise.all([pool.close(), pool.close()]);
    const last = (await outcomes).at(-1);
    expect(last?.status).to.equal('rejected');
    expect(threads()).to.be.at.most(before);
    const late = await rejection(pool.residualForward({ key, input: sharedFloat32(0), output: sharedFloat32(0) }));
    expect((late as ComputeError).message).to.include('the pool is closed');
  });

  it('closes without having started', async () => {
    await new ComputePool({ threads: 1, hidden: 16 }).close();
  });

  it('refuses a width or a thread count that cannot be, by the name of the field', () => {
    expect(() => new ComputePool({ threads: 0, hidden: 16 })).to.throw(BadInputError, 'threads is 0');
    expect(() => new ComputePool({ threads: 1, hidden: 24 })).to.throw(BadInputError, 'payload.hidden is 24');
  });
});
