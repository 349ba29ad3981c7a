import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { loadHardware } from '@epemu/presets';
import { outPort } from '@epemu/schedule';
import { expect } from 'chai';
import { collectiveConfiguration } from './collective-configuration.js';
import type { CollectiveOptions } from './collective-configuration.js';
import { runCollective } from './collective.js';
import { runInMemory } from './in-memory.js';

/** Bytes at the out-ports of all ranks, by link. */
async function bytesOnLinks(options: CollectiveOptions): Promise<{ rdma: number; nvlink: number }> {
  const { timelines } = await runInMemory(collectiveConfiguration(options));
  const sum = (port: number): number =>
    timelines.reduce((total, { services }) => {
      const [ports, bytes] = [services.column('port'), services.column('bytes')];
      return total + bytes.filter((_, row) => ports[row] === port).reduce((all, some) => all + some, 0);
    }, 0);
  return { rdma: sum(outPort(0)), nvlink: sum(outPort(1)) };
}

describe('runCollective', () => {
  it('counts bytes as DeepEP does: every pair of token and expert in low-latency mode', async () => {
    const { dispatch, combine } = await runCollective({ mode: 'low-latency', ranks: 8 });
    expect([dispatch.bytes, combine.bytes]).to.deep.equal([7_585_792, 14_680_064]);
    expect(dispatch.gbps).to.be.closeTo(dispatch.bytes / dispatch.us / 1000, 1e-9);
  });

  it('routes as DeepEP’s normal-mode test does: 1.992 nodes a token at EP16, 3.982 at EP64', async () => {
    const nodes = async (ranks: number): Promise<number> =>
      (await runCollective({ mode: 'normal', ranks, tokens: 256 })).nodesPerToken;
    expect(await nodes(16)).to.be.closeTo(1.992, 0.005);
    expect(await nodes(64)).to.be.closeTo(3.982, 0.005);
  });

  it('is bound by NVLink at EP16 and by RDMA at EP64', async () => {
    const us = async (ranks: number, hardware: string): Promise<number> =>
      (await runCollective({ mode: 'normal', ranks, tokens: 1024, hardware, era: 'apr25' })).combine.us;
    const [ep16, ep64] = [await us(16, 'h800'), await us(64, 'h800')];
    // An H100 differs in NVLink alone.
    expect(await us(16, 'h100')).to.be.below(ep16 * 0.85);
    expect(await us(64, 'h100')).to.be.within(ep64 * 0.9, ep64);
  });

  it('takes less with more SMs, as long as no port binds', async () => {
    const us = async (sms: number): Promise<number> =>
      (await runCollective({ mode: 'normal', ranks: 16, tokens: 2048, sms })).dispatch.transferUs;
    const [few, more, most] = [await us(6), await us(12), await us(24)];
    expect(few / more).to.be.within(1.8, 2);
    expect(most).to.be.below(more);
  });

  it('goes inside a node by RDMA in the kernels of February 2025, by NVLink in those of June', async () => {
    const feb = await bytesOnLinks({ mode: 'low-latency', ranks: 16, era: 'feb25' });
    const jun = await bytesOnLinks({ mode: 'low-latency', ranks: 16, era: 'jun25' });
    expect(feb.nvlink).to.equal(0);
    expect(jun.nvlink).to.be.above(0);
    expect(jun.nvlink + jun.rdma).to.equal(feb.rdma);
  });

  it('measures another width, top-k and model’s router as asked', async () => {
    const options = { mode: 'low-latency', ranks: 8, tokens: 64, hidden: 4096, topK: 4 } as const;
    const narrow = await runCollective(options);
    expect(narrow.dispatch.bytes).to.equal(64 * 4 * (4096 + 32 * 4 + 16));
    const routed = await runCollective({ mode: 'normal', ranks: 64, tokens: 256, router: 'model' });
    expect(routed.nodesPerToken).to.be.below(3.975);
  });

  it('takes nodes for ranks, the experts asked for, and says what it timed', async () => {
    const options = { mode: 'low-latency', nodes: 2, tokens: 16, experts: 64, hardware: 'h100' } as const;
    const result = await runCollective(options);
    expect(result).to.include({ ranks: 16, nodes: 2, experts: 64, hardware: 'h100', era: 'sep25' });
    expect(result.boundary).to.equal(
      'the send and receive kernels, from when the last rank starts them to when the mean rank ends them',
    );
    const slowest = await runCollective({ ...options, slowest: true });
    expect(slowest.boundary).to.match(/ the slowest rank ends them$/);
    expect(slowest.dispatch.us).to.be.at.least(result.dispatch.us);
    expect(slowest.dispatch.transferUs, 'no notify before it').to.equal(slowest.dispatch.us);
  });

  it('tells the transfer kernel from the notify before it', async () => {
    const { dispatch, boundary } = await runCollective({ mode: 'normal', ranks: 8, tokens: 256 });
    expect(dispatch.us - dispatch.transferUs).to.be.within(3, 20);
    expect(boundary).to.match(/^the notify and the transfer kernel, /);
  });

  it('is faster by a faster NIC where that binds, whichever way it is said, and not where SMs do', async () => {
    const us = async (options: Omit<CollectiveOptions, 'mode'>): Promise<number> =>
      (await runCollective({ mode: 'normal', ranks: 32, tokens: 1024, ...options })).combine.transferUs;
    const set = { settings: ['hardware.ports.rdma.bandwidthGBps=100'] };
    const april = { era: 'apr25' } as const;
    const [bound, faster] = [await us(april), await us({ ...april, ...set })];
    expect(faster).to.be.below(bound * 0.85);
    const folder = mkdtempSync(join(tmpdir(), 'epemu-collective-'));
    after(() => {
      rmSync(folder, { recursive: true });
    });
    const hardware = join(folder, 'fast.json');
    const { dataSheet } = loadHardware('h800');
    writeFileSync(hardware, JSON.stringify({ name: 'fast', base: 'h800', dataSheet: { ...dataSheet, rdmaGBps: 100 } }));
    expect(await us({ ...april, hardware }), 'a preset by data sheet').to.equal(faster);
    const february = (await us({ era: 'feb25', ...set })) / (await us({ era: 'feb25' }));
    expect(february, 'SMs bind in February').to.be.within(0.99, 1);
  });

  it('refuses what cannot be, naming it', async () => {
    const refusal = async (options: CollectiveOptions): Promise<string> => {
      try {
        await runCollective(options);
      } catch (error) {
        if (error instanceof BadInputError) return error.message;
      }
      return 'accepted';
    };
    expect(await refusal({ mode: 'normal', ranks: 0 })).to.equal('ranks is 0, but it must be a positive integer');
    expect(await refusal({ mode: 'normal', ranks: 8, sms: 132 })).to.match(/^sms is 132, but the GPU has 132; /);
    expect(await refusal({ mode: 'low-latency', ranks: 512 })).to.match(/^ranks is 512, but DeepEP's tests have 256 /);
    expect(await refusal({ mode: 'normal', ranks: 12 })).to.match(
      /^ranks is 12, .* multiple of the node size 8; use one of /,
    );
    expect(await refusal({ mode: 'normal', ranks: 8, nodes: 2 })).to.match(
      /^ranks is 8, but 2 nodes of h800 hold 16; /,
    );
    expect(await refusal({ mode: 'normal', ranks: 8, tokens: 1.5 })).to.match(/^tokens is 1\.5, /);
  });
});
