import { InvariantError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { linkRate, loadHardware, transferOf } from './index.js';
import type { TransferUse } from './index.js';

const H800 = loadHardware('h800');
const COMBINE: TransferUse = { era: 'feb25', kind: 'combine', sms: 20, besideCompute: false, messageBytes: 14_336 };

describe('linkRate', () => {
  const rate = (change: Partial<TransferUse>): number => linkRate(H800, 'rdma', { ...COMBINE, ...change }).GBps;

  it('follows the SMs up to the bandwidth of the port', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 132 }), (sms) => {
        const pushed = (transferOf(H800, 'feb25', 'combine').links['rdma'].GBpsPerSm ?? 0) * sms;
        expect(rate({ sms })).to.be.closeTo(Math.min(pushed, H800.ports.rdma.bandwidthGBps), 1e-9);
      }),
    );
  });

  it('does not follow SMs where the transfer holds none', () => {
    const kind = 'lowLatencyDispatch';
    expect(rate({ kind, sms: 0 })).to.equal(rate({ kind, sms: 20 }));
  });

  it('loses what compute beside it takes of the SMs’ push', () => {
    const { besideCompute } = transferOf(H800, 'feb25', 'dispatch');
    const ratio = rate({ kind: 'dispatch', besideCompute: true }) / rate({ kind: 'dispatch' });
    expect(ratio).to.be.closeTo(besideCompute, 1e-12);
  });

  it('gains with the size of messages that each take a time of their own', () => {
    const [small, large] = [512, 14_336].map((messageBytes) => rate({ kind: 'lowLatencyCombine', messageBytes }));
    expect(small).to.be.lessThan(large);
  });

  it('cannot be told without SMs where the kernel holds them, nor of a kind that is not there', () => {
    expect(() => rate({ sms: 0 })).to.throw(InvariantError, 'combine needs SMs');
    expect(() => rate({ kind: 'gather' })).to.throw(InvariantError, 'no transfer gather in feb25');
  });
});

describe('transferOf', () => {
  it('takes an era’s own kind, else that of the latest era before', () => {
    expect(transferOf(H800, 'jun25', 'combine')).to.equal(H800.transfers.apr25!['combine']);
    expect(transferOf(H800, 'apr25', 'lowLatencyCombine')).to.equal(H800.transfers.feb25!['lowLatencyCombine']);
    expect(transferOf(H800, 'jun25', 'lowLatencyCombine')).to.equal(H800.transfers.jun25!['lowLatencyCombine']);
  });
});
