import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { linkRate, transferOf } from './link-rate.js';
import { loadHardware, parseHardware } from './load.js';
import { refusalOf } from './refusal.test-helper.js';
import type { TransferRate } from './transfer-rate.js';

const H800 = loadHardware('h800');

/** H800 with one thing said otherwise, a key a line; its `ports` begin on line 5. */
function withPorts(ports: string, transfers = ''): string {
  return `{\n"version": 2, "name": "x",\n"base": "h800",\n"ports": {\n${ports}\n}${transfers}\n}`;
}

function withCombine(combine: string): string {
  const port = '"rail": {"bandwidthGBps": 25, "latencyNs": 5000}';
  const words = '"basis": "assumed", "source": "s"';
  return withPorts(port, `,\n"transfers": {"feb25": {\n"combine": {${combine}, ${words}}}}`);
}

const refused = (text: string): string => refusalOf(loadHardware, text).error.message;

describe('links of a hardware preset', () => {
  it('are as many as there are, by any name, each with rates of its own', () => {
    const ports = { rail: { bandwidthGBps: 25, latencyNs: 5000 } };
    const combine = { hops: ['nvlink', 'rail'], links: { rail: { GBpsPerSm: 9 } }, basis: 'assumed', source: 's' };
    const preset = parseHardware(
      { version: 2, name: 'x', base: 'h800', ports, transfers: { feb25: { combine } } },
      'hardware',
    );
    expect(Object.keys(preset.ports)).to.deep.equal(['rdma', 'nvlink', 'rail']);
    expect(preset.ports['rail']).to.include({ owner: 'rank', reach: 'cluster' });
    const own = transferOf(preset, 'feb25', 'combine');
    expect(own.links['nvlink']).to.deep.equal(transferOf(H800, 'feb25', 'combine').links['nvlink']);
    expect(own.links, 'rates of a link that it left').to.not.have.property('rdma');
    const use = { era: 'feb25', kind: 'combine', sms: 20, load: 0, messageBytes: 14336 } as const;
    expect(linkRate(preset, 'rail', use).GBps).to.be.closeTo(25, 1e-9);
  });

  it('are refused by file, line and key where an owner or a link is unknown', () => {
    expect(refused(withPorts('"rdma": {"owner": "leaf"}'))).to.match(
      /mine\.json, line 5, ports\.rdma\.owner is "leaf"; give rank: links that several ranks share are not emulated$/,
    );
    expect(refused(withPorts('"ethernet": {"bandwidthGBps": 1, "latencyNs": 1}'))).to.match(
      /line 5, ports\.ethernet is taken by no hop; remove it/,
    );
    expect(refused(withCombine('"hops": ["nvlink", "leaf"]'))).to.match(
      /line 8, transfers\.feb25\.combine\.hops names the unknown link leaf; give some of ports: rdma, nvlink, rail$/,
    );
  });

  it('are refused where hops and rates do not agree', () => {
    expect(refused(withCombine('"hops": ["nvlink", "rail"]'))).to.match(/combine\.links\.rail is missing/);
    expect(refused(withCombine('"hops": ["rail", "rail"]'))).to.match(/combine\.hops names rail twice/);
    expect(refused(withCombine('"links": {"rail": {"GBpsPerSm": 1}}'))).to.match(/combine\.links\.rail is of no hop/);
    expect(refused(withCombine('"hops": []'))).to.match(/combine\.hops is \[\]; give a list of at least 1 entry/);
    const fast = '"hops": ["nvlink", "rail"], "links": {"rail": {"efficiency": 2}}';
    expect(refused(withCombine(fast))).to.match(/combine\.links\.rail\.efficiency is 2; give a share /);
  });

  it('are refused where nothing says what SMs push in normal mode', () => {
    const without = (change: (combine: TransferRate) => object): string => {
      const combine = { ...transferOf(H800, 'feb25', 'combine'), ...change(transferOf(H800, 'feb25', 'combine')) };
      const transfers = { ...H800.transfers, feb25: { ...H800.transfers.feb25, combine } };
      try {
        parseHardware({ ...H800, transfers }, 'mine');
      } catch (error) {
        if (error instanceof BadInputError) return error.message;
      }
      return 'accepted';
    };
    expect(without(() => ({ sm: undefined }))).to.match(/transfers\.feb25\.combine\.sm is missing; give what one /);
    expect(without(({ sm }) => ({ sm: { ...sm, nodeCopyGBps: undefined, sharedNodeGBps: undefined } }))).to.match(
      /sm\.nodeCopyGBps is missing/,
    );
    const pushed = { nvlink: { GBpsPerSm: 5 }, rdma: { GBpsPerSm: 2 } };
    expect(
      without(() => ({ sm: undefined, links: pushed })),
      'what they push by each link',
    ).to.equal('accepted');
  });
});

describe('hardware presets of version 1', () => {
  /** H800 as version 1 had it. */
  function first(): Record<string, unknown> {
    const { version, ports, transfers, ...rest } = H800;
    expect(version).to.equal(2);
    const transfersOf = (kinds: (typeof transfers)[keyof typeof transfers]): Record<string, unknown> =>
      Object.fromEntries(
        Object.entries(kinds ?? {}).map(([kind, { hops, links, ...more }]) => {
          expect(hops).to.have.length.within(1, 2);
          return [kind, { ...links, ...more }];
        }),
      );
    return {
      ...rest,
      ports: Object.fromEntries(
        Object.entries(ports).map(([link, { bandwidthGBps, latencyNs }]) => [link, { bandwidthGBps, latencyNs }]),
      ),
      transfers: Object.fromEntries(Object.entries(transfers).map(([era, kinds]) => [era, transfersOf(kinds)])),
    };
  }

  it('become today’s, whether they say their version or not', () => {
    expect(parseHardware(first(), 'hardware')).to.deep.equal(H800);
    expect(parseHardware({ version: 1, ...first() }, 'hardware')).to.deep.equal(H800);
  });

  it('may change single rates of a base', () => {
    const combine = { rdma: { GBpsPerSm: 3 }, basis: 'assumed', source: 's' };
    const preset = parseHardware({ name: 'x', base: 'h800', transfers: { feb25: { combine } } }, 'hardware');
    const { hops, links } = transferOf(preset, 'feb25', 'combine');
    expect(hops).to.deep.equal(['nvlink', 'rdma']);
    expect(links['rdma'].GBpsPerSm).to.equal(3);
  });

  it('are the only older ones: another version is refused, naming it', () => {
    expect(() => parseHardware({ version: 3, name: 'x', base: 'h800' }, 'hardware')).to.throw(
      'in the preset hardware, version is 3; it must be 1 or 2, the versions of hardware presets that this epemu reads',
    );
  });
});
