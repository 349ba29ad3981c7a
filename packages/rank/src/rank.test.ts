import { setImmediate } from 'node:timers/promises';
import { ComputePool } from '@epemu/compute';
import { denseLayerCount, microBatchesOf, resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { deferred } from '@epemu/core';
import { MemoryFabric } from '@epemu/fabric';
import { buildProgram, isOutPort } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import { expect } from 'chai';
import { Rank } from './rank.js';
import type { RankResult } from './rank.js';
import { topologyOf } from './fixtures.test-helper.js';

interface Run {
  readonly configuration: Configuration;
  readonly program: Program;
  readonly results: readonly RankResult[];
}

/** Runs a whole small cluster in this process. */
async function run(scenario: string, flags: Record<string, unknown>, creditsPerPeer = 8): Promise<Run> {
  const configuration = resolveConfiguration({ scenario, flags });
  const program = buildProgram(configuration);
  const fabric = new MemoryFabric({ creditsPerPeer });
  const pool = new ComputePool({ threads: 2, hidden: configuration.payload.hidden });
  const observer = { onOperation: () => undefined, onTask: () => undefined };
  const ranks = Array.from(
    { length: configuration.ranks },
    (_, rank) => new Rank({ rank, configuration, program, fabric, pool, observer }),
  );
  try {
    await Promise.all(ranks.map((rank) => rank.run()));
    return { configuration, program, results: ranks.map((rank) => rank.snapshot()) };
  } finally {
    await pool.close();
    await fabric.close();
  }
}

/** A port's services as objects, in the order recorded. */
interface Service {
  readonly rank: number;
  readonly port: number;
  readonly operation: number;
  readonly hop: number;
  readonly peer: number;
  readonly origin: number;
  readonly destination: number;
  readonly segment: number;
  readonly bytes: number;
  readonly startNs: number;
  readonly endNs: number;
}

function servicesOf({ results }: Run): Service[] {
  return results.flatMap(({ timeline }) => {
    const { services, rank } = timeline;
    const columns = services.names.map((name) => [name, services.column(name)] as const);
    return Array.from(
      { length: services.count },
      (_, i) => ({ rank, ...Object.fromEntries(columns.map(([name, values]) => [name, values[i]])) }) as Service,
    );
  });
}

const isOut = ({ port }: Service): boolean => isOutPort(port);

/** All that a run says, for comparing two. */
function everything({ results }: Run): unknown {
  return results.map(({ timeline, record, numerics }) => ({
    columns: [timeline.events, timeline.services, timeline.transfers, timeline.receipts].map((group) =>
      (group.names as readonly never[]).map((name) => [...group.column(name)]),
    ),
    hashes: record.expertHashes.names.map((name) => [...record.expertHashes.column(name)]),
    numerics,
  }));
}

const NONE = { kind: 'none', hidden: 16 };
const SCENARIOS = [
  ['decode', { ranks: 16, layers: 2, tokensPerMicrobatch: 24 }],
  ['prefill', { ranks: 16, layers: 2, promptLengths: [150, 90, 200] }],
  ['train', { ranks: 16, layers: 2, tokensPerMicrobatch: 700 }],
] as const;

for (const [scenario, flags] of SCENARIOS) {
  describe(`a cluster that runs ${scenario}`, () => {
    let timed: Run;
    before(async () => {
      timed = await run(scenario, { ...flags, payload: NONE });
    });

    it('receives every segment that was sent, with its bytes, once', () => {
      const key = (service: Service, sender: number, receiver: number): string =>
        [service.operation, service.hop, sender, receiver, service.origin, service.destination, service.segment].join();
      const sent = new Map<string, number>();
      let received = 0;
      for (const service of servicesOf(timed)) {
        if (isOut(service)) sent.set(key(service, service.rank, service.peer), service.bytes);
      }
      for (const service of servicesOf(timed)) {
        if (isOut(service)) continue;
        expect(sent.get(key(service, service.peer, service.rank))).to.equal(service.bytes);
        received++;
      }
      expect(received).to.equal(sent.size).and.to.be.above(0);
    });

    it('serves no segment before its first byte, ends none before its last, and gives no port more than its bandwidth', () => {
      const { configuration, program } = timed;
      const key = (service: Service, from: number, to: number): string =>
        [service.operation, service.hop, from, to, service.origin, service.destination, service.segment].join();
      const out = new Map<string, Service>();
      for (const service of servicesOf(timed))
        if (isOut(service)) out.set(key(service, service.rank, service.peer), service);
      const freeNs = new Map<number, number>();
      for (const service of servicesOf(timed)) {
        const port = service.rank * 4 + service.port;
        const link = program.operations[service.operation].collective!.hops[service.hop - 1];
        const { latencyNs, bandwidthGBps } = configuration.hardware.ports[program.links[link].name];
        expect(service.startNs).to.be.at.least(freeNs.get(port) ?? 0);
        expect(service.endNs - service.startNs).to.be.at.least(service.bytes / bandwidthGBps);
        // A slow sender's segment ends late at an in-port, but keeps the next one from it for its bytes' time alone.
        freeNs.set(port, isOut(service) ? service.endNs : service.startNs + service.bytes / bandwidthGBps);
        if (isOut(service)) continue;
        const sent = out.get(key(service, service.peer, service.rank))!;
        expect(service.startNs).to.be.at.least(sent.startNs + latencyNs);
        expect(service.endNs).to.be.at.least(sent.endNs + latencyNs);
      }
    });

    it('gives the experts tokens × topK rows in every layer and micro-batch', () => {
      const { configuration, results } = timed;
      const rows = new Map<string, number>();
      for (const { record } of results) {
        const { expertHashes } = record;
        expertHashes.column('rows').forEach((value, i) => {
          const key = `${expertHashes.column('layer')[i]}:${expertHashes.column('microBatch')[i]}`;
          rows.set(key, (rows.get(key) ?? 0) + value);
        });
      }
      const expected = new Map<string, number>();
      const { layers, ranks, model } = configuration;
      for (let layer = denseLayerCount(configuration); layer < layers; layer++) {
        microBatchesOf(configuration).forEach(({ tokens }, microBatch) => {
          expected.set(`${layer}:${microBatch}`, ranks * tokens * model.topK);
        });
      }
      expect([...rows].sort()).to.deep.equal([...expected].sort());
    });

    it('says the same with 1 credit and with 8, and with real tokens all are right', async () => {
      const one = await run(scenario, { ...flags, payload: { kind: 'float32', hidden: 16 } }, 1);
      const eight = await run(scenario, { ...flags, payload: { kind: 'float32', hidden: 16 } });
      expect(everything(one)).to.deep.equal(everything(eight));
      for (const { numerics } of one.results) {
        expect(numerics.tokensChecked).to.be.above(0);
        expect([numerics.missing, numerics.duplicated, numerics.wrong]).to.deep.equal([0, 0, 0]);
      }
      const virtual = (of: Run): unknown => of.results.map(({ timeline }) => [...timeline.events.column('endNs')]);
      expect(virtual(one)).to.deep.equal(virtual(timed));
    });
  });
}

describe('a notify', () => {
  it('ends at the latest start of all ranks plus the latencies between', async () => {
    const timed = await run('train', { ranks: 16, layers: 2, tokensPerMicrobatch: 64, payload: NONE });
    const { configuration, program, results } = timed;
    const { nodeSize, ports } = configuration.hardware;
    const topology = topologyOf(configuration.ranks, nodeSize, configuration.model.experts);
    const latencyNs = (from: number, to: number): number =>
      (topology.nodeOf(from) === topology.nodeOf(to) ? 0 : ports.rdma.latencyNs) +
      (topology.localIndexOf(from) === topology.localIndexOf(to) ? 0 : ports.nvlink.latencyNs);
    let seen = 0;
    for (const operation of program.operations) {
      const index = operation.kernels.findIndex(({ role }) => role === 'notify');
      if (index < 0 || !operation.recorded) continue;
      const times = results.map(({ timeline, record }) => {
        const { events } = timeline;
        const event = events
          .column('operation')
          .findIndex((id, i) => id === operation.id && events.column('kernel')[i] === operation.kernels[index].kernel);
        const { durations } = record;
        const solo = durations
          .column('operation')
          .findIndex((id, i) => id === operation.id && durations.column('index')[i] === index);
        const startNs = events.column('startNs')[event];
        return { startNs, endNs: events.column('endNs')[event], soloNs: durations.column('soloNs')[solo] };
      });
      times.forEach(({ startNs, endNs, soloNs }, rank) => {
        const latest = Math.max(...times.map((other, from) => other.startNs + latencyNs(from, rank)));
        expect(endNs).to.equal(Math.max(latest, startNs + soloNs));
        seen++;
      });
    }
    expect(seen).to.be.above(0);
  });
});

describe('a rank', () => {
  it('goes through the same virtual time at a pace, no row ahead of it', async () => {
    const flags = { ranks: 8, layers: 4, tokensPerMicrobatch: 8 };
    const unpaced = await run('decode', flags);
    const before = performance.now();
    const paced = await run('decode', { ...flags, pace: 50 });
    const lastRow = Math.max(...paced.program.operations.map(({ row }) => row));
    expect(performance.now() - before).to.be.at.least(lastRow * 20);
    expect(everything(paced)).to.deep.equal(everything(unpaced));
  });

  it('that is held back by its pace ends with a failure at once', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    // Mocha's own timer for this test is set once the test waits.
    await setImmediate();
    const set = timers();
    const flags = { ranks: 8, layers: 2, payload: NONE, pace: 0.0001, stallTimeoutSeconds: 86_400 };
    const configuration = resolveConfiguration({ scenario: 'decode', flags });
    const program = buildProgram(configuration);
    const fabric = new MemoryFabric();
    const pool = new ComputePool({ threads: 1, hidden: 16 });
    const held = deferred<undefined>();
    const upToFirstRow = program.operations.filter(({ row }) => row <= 0).length;
    let begun = 0;
    const observer = {
      onOperation: () => {
        if (++begun === 8 * upToFirstRow) held.resolve(undefined);
      },
      onTask: () => undefined,
    };
    const ranks = Array.from(
      { length: 8 },
      (_, rank) => new Rank({ rank, configuration, program, fabric, pool, observer }),
    );
    const running = Promise.allSettled(ranks.map((rank) => rank.run()));
    await held.promise;
    for (const rank of ranks) rank.abort(new Error('enough'));
    for (const outcome of await running) {
      expect(outcome).to.have.property('status', 'rejected');
    }
    expect(begun).to.equal(8 * upToFirstRow);
    await pool.close();
    await fabric.close();
    expect(timers()).to.equal(set);
  });

  it('ends with the first failure, and everything it waits for with it', async () => {
    const configuration = resolveConfiguration({ scenario: 'decode', flags: { ranks: 8, layers: 1, payload: NONE } });
    const fabric = new MemoryFabric();
    const pool = new ComputePool({ threads: 1, hidden: 16 });
    const options = { configuration, program: buildProgram(configuration), fabric, pool };
    const observer = { onOperation: () => undefined, onTask: () => undefined };
    const ranks = Array.from({ length: 8 }, (_, rank) => new Rank({ rank, ...options, observer }));
    const running = Promise.allSettled(ranks.map((rank) => rank.run()));
    for (const rank of ranks) rank.abort(new Error('enough'));
    const outcomes = await running;
    for (const outcome of outcomes) {
      expect(outcome.status).to.equal('rejected');
      expect((outcome as PromiseRejectedResult).reason).to.have.property('message', 'enough');
    }
    await pool.close();
    await fabric.close();
  });
});
