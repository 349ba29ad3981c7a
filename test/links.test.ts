import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { inPort, isOutPort, linkOfPort, outPort } from '@epemu/schedule';
import { bytesByLink } from '@epemu/timeline';
import { expect } from 'chai';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';

const TWO_NICS = 'examples/hardware/h800-two-nics.yaml';
/** Indices of that preset's links. */
const [RDMA, NVLINK, RDMA2] = [0, 1, 2];

function configurationOf(scenario: string, settings: readonly string[] = [], hardware = TWO_NICS): Configuration {
  return resolveConfiguration({
    scenario,
    flags: { ranks: 16, layers: 1, threads: 1 },
    settings: [
      `hardware=${hardware}`,
      'payload.kind=none',
      ...(scenario === 'prefill' ? ['promptLengths=[512]'] : []),
      ...settings,
    ],
  });
}

/** Bytes that left by each link over all ranks. */
function carried({ program, timelines }: LocalRun): number[] {
  const sums = program.links.map(() => 0);
  for (const { services } of timelines) {
    bytesByLink(services, program).forEach((bytes, link) => (sums[link] += bytes));
  }
  return sums;
}

/** Times that ranks' out-ports of a link were busy, by the type of the collective. */
function busyNs({ program, timelines }: LocalRun, type: 'dispatch' | 'combine'): number {
  let sum = 0;
  for (const { services } of timelines) {
    const [port, operation, start, end] = (['port', 'operation', 'startNs', 'endNs'] as const).map((name) =>
      services.column(name),
    );
    port.forEach((number, row) => {
      if (!isOutPort(number) || program.links[linkOfPort(number)].reach === 'node') return;
      if (program.operations[operation[row]].collective!.type === type) sum += end[row] - start[row];
    });
  }
  return sum;
}

describe('links are a table of the preset', () => {
  it('of which nothing is enumerated: a hop goes by the link that the transfer names', async () => {
    const run = await runLocally(configurationOf('prefill'));
    expect(run.program.links.map(({ name, reach }) => `${name} ${reach}`)).to.deep.equal([
      ...['rdma cluster', 'nvlink node', 'rdma2 cluster'],
    ]);
    for (const { services } of run.timelines) {
      const [ports, operations] = [services.column('port'), services.column('operation')];
      ports.forEach((port, row) => {
        const { type } = run.program.operations[operations[row]].collective!;
        if (port === outPort(RDMA) || port === inPort(RDMA)) expect(type).to.equal('dispatch');
        if (port === outPort(RDMA2) || port === inPort(RDMA2)) expect(type).to.equal('combine');
      });
    }
    const one = carried(await runLocally(configurationOf('prefill', [], 'h800')));
    const two = carried(run);
    expect(two[RDMA]).to.be.above(0);
    expect(two[RDMA2]).to.be.above(0);
    expect([two[RDMA] + two[RDMA2], two[NVLINK]]).to.deep.equal(one);
  });

  for (const scenario of ['prefill', 'decode']) {
    it(`whose times follow from each link’s own bandwidth, in ${scenario}, and replay alike`, async () => {
      // Else what computes beside a transfer, which other times shift, changes its rate.
      const apart = 'hardware.sharing.copyWait=0';
      const narrow = (link: string): Promise<LocalRun> =>
        runLocally(configurationOf(scenario, [apart, `hardware.ports.${link}.bandwidthGBps=4`]));
      const runs = [await runLocally(configurationOf(scenario, [apart])), await narrow('rdma'), await narrow('rdma2')];
      const [wide, slowDispatch, slowCombine] = runs;
      expect(busyNs(slowDispatch, 'dispatch')).to.be.above(1.5 * busyNs(wide, 'dispatch'));
      expect(busyNs(slowDispatch, 'combine')).to.equal(busyNs(wide, 'combine'));
      expect(busyNs(slowCombine, 'combine')).to.be.above(1.5 * busyNs(wide, 'combine'));
      expect(busyNs(slowCombine, 'dispatch')).to.equal(busyNs(wide, 'dispatch'));
      for (const run of runs) expect(replayedDigest(run)).to.equal(run.digest);
    });
  }
});
