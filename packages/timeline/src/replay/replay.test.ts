import { InvariantError } from '@epemu/core';
import { inPort, outPort } from '@epemu/schedule';
import { expect } from 'chai';
import fc from 'fast-check';
import { timeComputePhase } from '../compute-phase.js';
import type { RankTimeline } from '../rank-timeline.js';
import { COMPUTE, SECOND, collective, programOf, recordOf, rowsOf, twoRanks } from './fixtures.test-helper.js';
import { replay } from './replay.js';

const NOTIFY_AND_TRANSFER = [{ role: 'notify' }, { role: 'transfer' }] as const;

/** Events as operation, start and end. */
function eventsOf(timeline: RankTimeline): number[][] {
  return rowsOf(timeline.events, 'operation', 'startNs', 'endNs');
}

/** Services as port, operation, start and end. */
function servicesOf(timeline: RankTimeline): number[][] {
  return rowsOf(timeline.services, 'port', 'operation', 'startNs', 'endNs');
}

describe('replay', () => {
  const program = programOf([
    { kind: 'compute', kernels: [{}] },
    { kind: 'collective', gates: [0], collective: collective('dispatch'), kernels: NOTIFY_AND_TRANSFER },
    { kind: 'compute', gates: [1], kernels: [{}] },
    { kind: 'collective', gates: [2], collective: collective('combine'), kernels: NOTIFY_AND_TRANSFER },
  ]);

  it('times attention, dispatch, MLP and combine of two nodes as worked out by hand', () => {
    const [zero, one] = replay(twoRanks(1), program, [
      recordOf(
        0,
        [[1000], [30, 200], [400], [30, 100]],
        [
          { operation: 1, hop: 1, peer: 1, origin: 0, destination: 1, bytes: 1000 },
          { operation: 3, hop: 2, peer: 1, origin: 0, destination: 1, bytes: 1200 },
        ],
      ),
      recordOf(
        1,
        [[1500], [30, 200], [700], [30, 100]],
        [
          { operation: 1, hop: 1, peer: 0, origin: 1, destination: 0, bytes: 600 },
          { operation: 3, hop: 2, peer: 0, origin: 1, destination: 0, bytes: 2000 },
        ],
      ),
    ]);
    expect(eventsOf(zero)).to.deep.equal([
      [0, 0, 1000],
      // A gap behind the attention; the MLP a gap behind its dispatch.
      [2, 2180, 2580],
      // The notify waits for rank 1, which starts its own at 1510, one RDMA latency away.
      [1, 1010, 1560],
      // A gap and the host's lag behind it. It has sent 1000 bytes at 2 a ns by 2170, and received by 2000.
      [1, 1670, 2170],
      // Rank 1 starts at 2940.
      [3, 2590, 2990],
      // Cached: no host lag. It has sent by 3300; 2000 bytes at 4 a ns leave rank 1 from 2980 on.
      [3, 3000, 3530],
    ]);
    expect(eventsOf(one)).to.deep.equal([
      [0, 0, 1500],
      [2, 2230, 2930],
      // The last to come waits for nobody: its notify takes its solo time.
      [1, 1510, 1540],
      // 1540 + 10 + 100; the last byte from rank 0 leaves at 2170.
      [1, 1650, 2220],
      [3, 2940, 2970],
      [3, 2980, 3480],
    ]);
    expect(servicesOf(zero)).to.deep.equal([
      [outPort(0), 1, 1670, 2170],
      [outPort(0), 3, 3000, 3300],
      [inPort(0), 1, 1700, 2000],
      [inPort(0), 3, 3030, 3530],
    ]);
    expect(servicesOf(one)).to.deep.equal([
      [outPort(0), 1, 1650, 1950],
      [outPort(0), 3, 2980, 3480],
      [inPort(0), 1, 1720, 2220],
      [inPort(0), 3, 3050, 3350],
    ]);
  });

  it('sends over NVLink inside a node, from when the forwarder’s own kernel starts, one segment behind the other', () => {
    const [zero, one] = replay(twoRanks(2), program, [
      recordOf(
        0,
        [[1000], [30, 200], [400], [30, 100]],
        [0, 1].map((segment) => ({ operation: 1, hop: 2, peer: 1, origin: 0, destination: 1, segment, bytes: 800 })),
      ),
      recordOf(1, [[1000], [30, 200], [400], [30, 100]]),
    ]);
    // Notify: 1010 + one NVLink latency or its 30 ns; transfer from 1040 + 10 + 100. 800 bytes at 8 a ns take 100 ns.
    expect(servicesOf(zero)).to.deep.equal([
      [outPort(1), 1, 1150, 1250],
      [outPort(1), 1, 1250, 1350],
    ]);
    expect(servicesOf(one)).to.deep.equal([
      [inPort(1), 1, 1170, 1270],
      [inPort(1), 1, 1270, 1370],
    ]);
    expect(eventsOf(zero).find(([operation, start]) => operation === 1 && start === 1150)).to.deep.equal([
      1, 1150, 1350,
    ]);
    expect(eventsOf(one).find(([operation, start]) => operation === 1 && start === 1150)).to.deep.equal([
      1, 1150, 1370,
    ]);
  });

  it('gives a transfer without bytes its own time', () => {
    const records = [0, 1].map((rank) => recordOf(rank, [[1000], [30, 200], [400], [30, 100]]));
    const [zero] = replay(twoRanks(1), program, records);
    // Notify 1010 + 50; transfer a gap and the host's lag later, 200 ns; after the MLP, cached, only a gap.
    expect(eventsOf(zero)).to.deep.equal([
      [0, 0, 1000],
      [2, 1380, 1780],
      [1, 1010, 1060],
      [1, 1170, 1370],
      [3, 1790, 1840],
      [3, 1850, 1950],
    ]);
  });

  it('lets a background transfer run on under compute until its wait', () => {
    const use = collective('dispatch', { mode: 'low-latency', rateKind: 'lowLatencyDispatch' });
    const background = programOf([
      { kind: 'issue', collective: use, kernels: [{ role: 'transfer' }] },
      { kind: 'compute', kernels: [{}] },
      { kind: 'wait', gates: [0], issue: 0, collective: use, kernels: [{ role: 'transfer' }] },
    ]);
    const segment = { operation: 0, hop: 1, peer: 1, origin: 0, destination: 1, bytes: 500 };
    const [zero, one] = replay(twoRanks(1), background, [
      recordOf(0, [[20], [100], [5]], [segment]),
      recordOf(1, [[20], [300], [5]]),
    ]);
    // Rank 1 needs the last byte: sent from 20 to 520, there at 570. Rank 0 receives nothing.
    expect(rowsOf(zero.transfers, 'operation', 'startNs', 'endNs')).to.deep.equal([[0, 0, 20]]);
    expect(rowsOf(one.transfers, 'operation', 'startNs', 'endNs')).to.deep.equal([[0, 0, 570]]);
    expect(eventsOf(zero)).to.deep.equal([
      [0, 0, 20],
      [1, 30, 130],
      [2, 140, 145],
    ]);
    expect(eventsOf(one)).to.deep.equal([
      [0, 0, 20],
      [1, 30, 330],
      [2, 340, 575],
    ]);
  });

  it('times unrecorded operations and leaves them out', () => {
    const warm = programOf([
      { kind: 'compute', kernels: [{}], recorded: false },
      { kind: 'compute', kernels: [{}] },
    ]);
    const records = [0, 1].map((rank) => recordOf(rank, [[100], [50]]));
    expect(replay(twoRanks(1), warm, records).map(eventsOf)).to.deep.equal([[[1, 110, 160]], [[1, 110, 160]]]);
  });

  it('times compute phases as the live ranks do, streams and joins included', () => {
    const kernel = fc.tuple(fc.constantFrom(COMPUTE, SECOND), fc.integer({ min: 1, max: 500 }), fc.option(fc.nat(10)));
    const configuration = twoRanks(1);
    fc.assert(
      fc.property(fc.array(kernel, { minLength: 1, maxLength: 8 }), (drawn) => {
        const kernels = drawn.map(([stream, soloNs, after], index) => ({
          stream: index === 0 ? COMPUTE : stream,
          soloNs,
          after: after === null || index === 0 ? undefined : after % index,
        }));
        const uses = kernels.map(({ stream, after }) => ({ stream, ...(after === undefined ? {} : { after }) }));
        const records = [0, 1].map((rank) => recordOf(rank, [kernels.map(({ soloNs }) => soloNs)]));
        const [timeline] = replay(configuration, programOf([{ kind: 'compute', kernels: uses }]), records);
        const live = timeComputePhase(kernels, 0, 10).map(({ startNs, endNs }, i) => [
          kernels[i].stream,
          startNs,
          endNs,
        ]);
        const sorted = (rows: number[][]): number[][] => rows.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        expect(sorted(rowsOf(timeline.events, 'stream', 'startNs', 'endNs'))).to.deep.equal(sorted(live));
      }),
      { numRuns: 300 },
    );
  });

  it('refuses what never ends, and a record without the duration of a kernel', () => {
    const solo = [[1000], [30, 200], [400], [30, 100]];
    const stuck = programOf([{ kind: 'compute', gates: [0], kernels: [{}] }]);
    expect(() => replay(twoRanks(1), stuck, [recordOf(0, [[1]]), recordOf(1, [[1]])])).to.throw(
      InvariantError,
      'replay stopped with 1 operations of rank 0 not ended',
    );
    expect(() => replay(twoRanks(1), program, [recordOf(0, solo), recordOf(1, solo.slice(0, 3))])).to.throw(
      InvariantError,
      'no duration is recorded for kernel 0 of phase 3',
    );
  });
});
