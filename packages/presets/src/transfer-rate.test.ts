import { InvariantError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  ERAS,
  hardwareNames,
  linkRate,
  loadHardware,
  lowLatencySms,
  transferKinds,
  transferOf,
  transferStartNs,
} from './index.js';
import type { Copies, HardwarePreset, TransferUse } from './index.js';

const H800 = loadHardware('h800');
const COPIES: Copies = { tokens: 4096, toNodes: 16_310, toRanks: 30_600, linkBytes: 14_250 * 14_336 };
const COMBINE: TransferUse = {
  ...{ era: 'feb25', kind: 'combine', sms: 20, load: 0, messageBytes: 14_336, copies: COPIES },
};

const PRESETS = new Map(hardwareNames().map((name) => [name, loadHardware(name)]));

/** Every preset, era, kind of transfer and link of it, by names. */
const CASES = [...PRESETS].flatMap(([name, hardware]) =>
  ERAS.flatMap((era) =>
    transferKinds(hardware, era).flatMap((kind) =>
      transferOf(hardware, era, kind).hops.map((link) => ({ name, era, kind, link })),
    ),
  ),
);

/** Any of these, and what a rank copies. */
const ANY_USE = fc
  .tuple(
    fc.constantFrom(...CASES),
    fc.record({
      sms: fc.integer({ min: 1, max: 78 }),
      load: fc.double({ min: 0, max: 1, noNaN: true }),
      messageBytes: fc.integer({ min: 128, max: 65_536 }),
      copies: fc.record({
        tokens: fc.integer({ min: 1, max: 1e5 }),
        toNodes: fc.integer({ min: 0, max: 1e6 }),
        toRanks: fc.integer({ min: 1, max: 1e6 }),
        linkBytes: fc.integer({ min: 0, max: 1e10 }),
      }),
    }),
  )
  .map(([{ name, link, era, kind }, use]) => ({ name, link, use: { era, kind, ...use } }));

function withBandwidth(hardware: HardwarePreset, link: string, factor: number): HardwarePreset {
  const port = hardware.ports[link];
  return {
    ...hardware,
    ports: { ...hardware.ports, [link]: { ...port, bandwidthGBps: port.bandwidthGBps * factor } },
  };
}

describe('linkRate', () => {
  const rate = (change: Partial<TransferUse>): number => linkRate(H800, 'rdma', { ...COMBINE, ...change }).GBps;

  it('beats no port, of any preset, for any shape and number of SMs', () => {
    fc.assert(
      fc.property(ANY_USE, ({ name, link, use }) => {
        const hardware = PRESETS.get(name)!;
        const { GBps, portGBps } = linkRate(hardware, link, use);
        expect(portGBps).to.be.at.most(hardware.ports[link].bandwidthGBps);
        expect(GBps).to.be.above(0).and.at.most(portGBps);
      }),
    );
  });

  it('is never slower with more SMs, more bandwidth, fewer copies or no compute beside it', () => {
    fc.assert(
      fc.property(ANY_USE, fc.nat(64), fc.double({ min: 1, max: 8, noNaN: true }), ({ name, link, use }, sms, more) => {
        const hardware = PRESETS.get(name)!;
        const { GBps } = linkRate(hardware, link, use);
        const changed = (change: Partial<TransferUse>): number => linkRate(hardware, link, { ...use, ...change }).GBps;
        const { copies } = use;
        expect(changed({ sms: use.sms + sms })).to.be.at.least(GBps);
        expect(changed({ load: 0 })).to.be.at.least(GBps);
        const fewer = {
          ...copies,
          toNodes: Math.floor(copies.toNodes / more),
          toRanks: Math.ceil(copies.toRanks / more),
        };
        expect(changed({ copies: fewer })).to.be.at.least(GBps);
        expect(linkRate(withBandwidth(hardware, link, more), link, use).GBps).to.be.at.least(GBps);
      }),
    );
  });

  it('follows the SMs where these bind, and the port where it does', () => {
    const kind = 'dispatch';
    expect(rate({ kind, sms: 8 }) / rate({ kind, sms: 4 }), 'but for what all SMs share').to.be.within(1.9, 2);
    const port = H800.ports.rdma.bandwidthGBps * transferOf(H800, 'feb25', kind).links['rdma'].efficiency;
    expect(rate({ kind, sms: 130 })).to.equal(port);
    const twice = (sms: number): number =>
      linkRate(withBandwidth(H800, 'rdma', 2), 'rdma', { ...COMBINE, kind, sms }).GBps;
    expect(twice(130)).to.be.above(1.5 * port);
    expect(twice(COMBINE.sms), 'SMs bind').to.equal(rate({ kind }));
  });

  it('hardly follows the SMs in a combine of February, whose SMs share what they push to nodes', () => {
    expect(rate({ sms: 24 }) / rate({ sms: 20 })).to.be.within(1, 1.05);
  });

  it('counts copies that take no link: to the own node and the own rank', () => {
    expect(rate({ copies: { ...COPIES, toNodes: COPIES.toNodes * 2 } })).to.be.below(rate({}));
  });

  it('does not follow SMs where no SM copies', () => {
    const kind = 'lowLatencyDispatch';
    expect(rate({ kind, sms: 0 })).to.equal(rate({ kind, sms: 20 }));
  });

  it('loses of the SMs’ push what copies wait for memory that computation uses, whatever the kind', () => {
    const { copyWait } = H800.sharing;
    for (const kind of ['dispatch', 'combine']) {
      expect(rate({ kind, load: 0.5 }) / rate({ kind })).to.be.closeTo(1 / (1 + copyWait / 2), 1e-12);
    }
  });

  it('cannot be told without SMs where these copy, nor of a kind that is not there', () => {
    expect(() => rate({ sms: 0 })).to.throw(InvariantError, 'combine needs SMs');
    expect(() => rate({ kind: 'gather' })).to.throw(InvariantError, 'no transfer gather in feb25');
  });
});

describe('transferStartNs', () => {
  it('is the kernel’s own, what each expert adds, and what each link does', () => {
    const h100 = loadHardware('h100');
    const { startNs, perExpertNs, links: rates } = transferOf(h100, 'sep25', 'lowLatencyCombine');
    const at = (links: readonly string[], experts: number): number =>
      transferStartNs(h100, { era: 'sep25', kind: 'lowLatencyCombine' }, links, experts);
    expect(at(['nvlink'], 0)).to.equal(Math.round(startNs));
    expect(at(['nvlink'], 1000) - at(['nvlink'], 0)).to.equal(1000 * perExpertNs);
    expect(at(['rdma'], 0) - at(['nvlink'], 0)).to.equal(rates['rdma'].startNs);
  });
});

describe('lowLatencySms', () => {
  it('is a block for each expert, or for as few more as fit: 8 for 8, 128 for 256 and 384 on 132 SMs', () => {
    expect([8, 128, 256, 288, 384, 512].map((experts) => lowLatencySms(132, experts))).to.deep.equal([
      8, 128, 128, 96, 128, 128,
    ]);
  });
});

describe('transferOf', () => {
  it('takes an era’s own kind, else that of the latest era before', () => {
    expect(transferOf(H800, 'jun25', 'combine')).to.equal(H800.transfers.apr25!['combine']);
    expect(transferOf(H800, 'apr25', 'lowLatencyCombine')).to.equal(H800.transfers.feb25!['lowLatencyCombine']);
    expect(transferOf(H800, 'sep25', 'lowLatencyCombine')).to.equal(H800.transfers.jun25!['lowLatencyCombine']);
  });
});
