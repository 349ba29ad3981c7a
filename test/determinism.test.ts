import { expect } from 'chai';
import { runScenario } from '@epemu/cluster';
import { ArrivalOrderFabric } from './support/arrival-order-fabric.js';
import { digestOfOutcome, runWithWorkers } from './support/cluster-run.js';
import { SCENARIOS, small } from './support/configuration.js';
import { underCpuLoad } from './support/cpu-load.js';
import { DelayingFabric } from './support/delaying-fabric.js';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { TemporaryFolder } from './support/temporary.js';

const LOAD_THREADS = 2;

for (const scenario of SCENARIOS) {
  describe(`determinism of ${scenario}`, () => {
    const folder = new TemporaryFolder();
    let reference: LocalRun;

    before(async () => {
      reference = await runLocally(small(scenario));
    });
    after(() => {
      folder.remove();
    });

    it('a run through the command’s own path has the same digest as its ranks by themselves', async () => {
      const outcome = await runScenario({ configuration: small(scenario), out: folder.fresh() });
      expect(digestOfOutcome(outcome)).to.equal(reference.digest);
    });

    // Seventeen processes; what a worker of one rank does in the other scenarios is in the unequal shares below.
    const perRank = scenario === 'train' || process.env['EPEMU_TEST_LONG'] === '1' ? it : it.skip;
    perRank(
      'each rank in a process of its own gives the same digest (all scenarios with EPEMU_TEST_LONG=1)',
      async () => {
        const configuration = small(scenario, { fabric: 'websocket', ranksPerWorker: 1 });
        const outcome = await runScenario({ configuration, out: folder.fresh() });
        expect(outcome.report.host.processes).to.equal(17);
        expect(digestOfOutcome(outcome)).to.equal(reference.digest);
      },
    );

    // Prefill has the collectives of training and the operations of decode.
    const inProcesses = scenario !== 'prefill' || process.env['EPEMU_TEST_LONG'] === '1' ? it : it.skip;
    inProcesses('eight ranks in a process give the same digest (prefill with EPEMU_TEST_LONG=1)', async () => {
      const configuration = small(scenario, { fabric: 'websocket', ranksPerWorker: 8 });
      const outcome = await runScenario({ configuration, out: folder.fresh() });
      expect(outcome.report.host.processes).to.equal(3);
      expect(digestOfOutcome(outcome)).to.equal(reference.digest);
    });

    inProcesses(
      'workers that hold unequal shares and join in any order give the same digest (prefill with EPEMU_TEST_LONG=1)',
      async () => {
        for (const slots of [
          [9, 4, 2, 1],
          [1, 4, 2, 9],
        ]) {
          const workers = slots.map((count) => ({ slots: count }));
          const outcome = await runWithWorkers(small(scenario), folder.fresh(), workers);
          expect(digestOfOutcome(outcome), slots.join(', ')).to.equal(reference.digest);
        }
      },
    );

    it('random host delays of every message under CPU load give the same digest', async () => {
      const fabrics: DelayingFabric[] = [];
      const run = await underCpuLoad(LOAD_THREADS, () =>
        runLocally(small(scenario), (inner) => {
          const fabric = new DelayingFabric(inner);
          fabrics.push(fabric);
          return fabric;
        }),
      );
      expect(fabrics[0].delayed).to.be.greaterThan(1000);
      expect(run.digest).to.equal(reference.digest);
    });

    it('headers and routing without payload give the same digest', async () => {
      const run = await runLocally(small(scenario, { payload: { kind: 'none' } }));
      expect(run.digest).to.equal(reference.digest);
    });

    it('another payload width and number of threads give the same digest', async () => {
      const run = await runLocally(small(scenario, { payload: { kind: 'float32', hidden: 48 }, threads: 2 }));
      expect(run.digest).to.equal(reference.digest);
    });

    it('replay by one event queue gives the same digest', () => {
      expect(replayedDigest(reference)).to.equal(reference.digest);
    });

    it('other seeds give other digests', async () => {
      const others = await Promise.all(
        [2, 3].map((seed) => runLocally(small(scenario, { seed, payload: { kind: 'none' } }))),
      );
      const digests = new Set([reference.digest, ...others.map(({ digest }) => digest)]);
      expect(digests.size).to.equal(3);
    });

    it('a mutant that serves ports in host arrival order is caught by replay and by a second run', async () => {
      const configuration = small(scenario, { payload: { kind: 'none' } });
      const mutant = (): Promise<LocalRun> =>
        runLocally(configuration, (inner) => new ArrivalOrderFabric(new DelayingFabric(inner)));
      const [first, second] = [await mutant(), await mutant()];
      expect(first.digest).not.to.equal(reference.digest);
      expect(first.digest).not.to.equal(replayedDigest(first));
      expect(first.digest).not.to.equal(second.digest);
      // What it recorded is what was sent: only the times are wrong, and replay mends them.
      expect(replayedDigest(first)).to.equal(reference.digest);
    });
  });
}
