import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { Report } from '@epemu/outputs';
import { EXIT_CODE } from '@epemu/core';
import { METRICS, WORKER_STATES, metricsFrom } from '@epemu/metrics';
import type { MetricKey } from '@epemu/metrics';
import { TOKEN } from './support/cluster-run.js';
import { SCENARIOS, small, smallArguments } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import { MeteredRun, printedReport, together } from './support/metered-run.js';
import type { LastScrapes, Scrape } from './support/metered-run.js';
import { parseMetrics, valueOf } from './support/metrics-text.js';
import { PROMTOOL, promtool } from './support/prometheus.js';
import { childrenOf, freePort, isAlive } from './support/processes.js';
import { CliProcess, runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const RANKS = 16;
const NODE_SIZE = 8;

function sumOf(scrape: Scrape, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const samples = (scrape.get(name) ?? []).filter((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return samples.reduce((sum, { value }) => sum + value, 0);
}

/** What the ranks' series of a finished run must be, by its report. */
function expectRanks(ranks: Scrape, report: Report): void {
  for (const { rank, spanUs, computeBusyPct, exposedCommPct, receivedTokens, expertRows } of report.ranksSummary) {
    const labels = { rank: String(rank), node: String(Math.floor(rank / NODE_SIZE)) };
    const span = valueOf(ranks, METRICS.rankSpan.name, labels);
    const compute = valueOf(ranks, METRICS.compute.name, labels);
    const communication = valueOf(ranks, METRICS.communication.name, labels);
    const exposed = valueOf(ranks, METRICS.exposed.name, labels);
    const pct = (part: number): number => Math.round((part / span) * 1_000_000) / 10_000;
    expect({
      spanUs: Math.round(span * 1e9) / 1000,
      computeBusyPct: pct(compute),
      exposedCommPct: pct(exposed),
      receivedTokens: valueOf(ranks, METRICS.receivedTokens.name, labels),
      expertRows: valueOf(ranks, METRICS.expertRows.name, labels),
    }).to.deep.equal({ spanUs, computeBusyPct, exposedCommPct, receivedTokens, expertRows });
    expect(valueOf(ranks, METRICS.overlap.name, labels)).to.be.closeTo(1 - exposed / communication, 1e-12);
    expect(valueOf(ranks, METRICS.virtualTime.name, labels)).to.be.at.least(span);
  }
}

/** What sums over ranks of a finished run must be, by its report. */
function expectSums(ranks: Scrape, report: Report): void {
  const { traffic, phases } = report;
  const sent = (link: string): number => sumOf(ranks, METRICS.linkBytes.name, { link, direction: 'out' });
  expect([sent('rdma'), sent('nvlink')]).to.deep.equal([traffic.rdmaBytes, traffic.nvlinkBytes]);
  for (const link of ['rdma', 'nvlink']) {
    for (const name of [METRICS.linkBytes.name, METRICS.linkSegments.name]) {
      // What one rank sends another receives.
      expect(sumOf(ranks, name, { link, direction: 'in' })).to.equal(sumOf(ranks, name, { link, direction: 'out' }));
    }
  }
  for (const { name, kind, count, busyUs } of phases) {
    const network = kind === 'network';
    const samples = (ranks.get(METRICS.streamBusy.name) ?? []).filter(
      ({ labels }) => labels['phase'] === name && (labels['stream'] === 'network') === network,
    );
    // A phase on two streams is busy while either is.
    if (new Set(samples.map(({ labels }) => labels['stream'])).size > 1) continue;
    const seconds = samples.reduce((sum, { value }) => sum + value, 0);
    expect(seconds * 1e6, name).to.be.closeTo(busyUs * count * RANKS, 1e-3 * count * RANKS);
  }
}

/** Dispatches and combines of a finished run are those of its phases. */
function expectCollectives(ranks: Scrape, report: Report): void {
  for (const collective of ['dispatch', 'combine'] as const) {
    const { name } = METRICS[collective];
    const own = report.phases.filter(
      (phase) => new RegExp(`^${collective}\\b`, 'i').test(phase.name) && phase.kind !== 'computation',
    );
    const count = own.reduce((sum, phase) => sum + phase.count * RANKS, 0);
    const wallUs = own.reduce((sum, phase) => sum + phase.count * RANKS * phase.meanUs, 0);
    expect(sumOf(ranks, `${name}_count`)).to.equal(count);
    expect(sumOf(ranks, `${name}_sum`) * 1e6).to.be.closeTo(wallUs, 1e-3 * count);
  }
}

/** What some families speak of: experts placed by their loads, and a NIC that is slow; as flags below. */
const UNEVEN = { eplb: true, slowNics: [{ rank: 3, factor: 0.5 }] };

describe('the metrics of a run', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  for (const scenario of SCENARIOS) {
    describe(`of a ${scenario} in worker processes`, () => {
      let last: LastScrapes;
      let report: Report;
      let coordinator: Scrape;
      let workers: Scrape;
      let folder: string;
      let left: Record<string, readonly string[]>;
      before(async () => {
        folder = temporary.fresh();
        const args = smallArguments(scenario, { fabric: 'websocket', ranksPerWorker: 4 });
        const run = await MeteredRun.start(
          [...args, '--eplb', '--slow-nic', '3=0.5'],
          folder,
          `${temporary.fresh('targets')}.json`,
        );
        last = await run.scrapeToTheEnd();
        const end = await run.command.end;
        expect(end.code, end.stderr).to.equal(0);
        report = printedReport(end);
        coordinator = parseMetrics(last.coordinator);
        workers = together(last.workers);
        left = run.listed();
      });

      it('equal the report’s figures of each rank', () => {
        expect(report.ranksSummary).to.have.length(RANKS);
        expectRanks(workers, report);
      });

      it('add up to the report’s traffic and phases', () => {
        expectSums(workers, report);
        expectCollectives(workers, report);
      });

      it('say of worker processes that they finished, hold nothing back, and what they moved and computed', () => {
        expect(last.workers).to.have.length(RANKS / 4);
        for (const text of last.workers) {
          const own = parseMetrics(text);
          for (const state of WORKER_STATES) {
            expect(valueOf(own, METRICS.workerState.name, { state })).to.equal(state === 'finished' ? 1 : 0);
          }
          for (const key of ['creditsTaken', 'payloadsWaiting', 'payloadsQueued', 'decodeErrors'] as const) {
            expect(valueOf(own, METRICS[key].name), key).to.equal(0);
          }
          for (const key of ['computeTasks', 'computeBusy', 'residentMemory'] as const) {
            expect(valueOf(own, METRICS[key].name), key).to.be.above(0);
          }
        }
        const { wireBytes, wireMessages } = report.traffic;
        for (const direction of ['in', 'out']) {
          expect(sumOf(workers, METRICS.wireBytes.name, { direction })).to.equal(wireBytes);
          expect(sumOf(workers, METRICS.messages.name, { direction })).to.equal(wireMessages);
          expect(sumOf(workers, METRICS.frames.name, { direction })).to.equal(report.host.wireFrames);
        }
      });

      it('say of the run what the report says', () => {
        const { timeline, throughput, imbalance, host, layers } = report;
        const value = (key: MetricKey, labels: Record<string, string> = {}): number =>
          valueOf(coordinator, METRICS[key].name, labels);
        expect(value('runState', { state: 'succeeded' })).to.equal(1);
        expect(value('progress')).to.equal(1);
        expect(value('runLayers')).to.equal(layers);
        for (const state of ['wanted', 'joined', 'finished']) {
          expect(value('runRanks', { state })).to.equal(RANKS);
          expect(value('runWorkers', { state })).to.equal(RANKS / 4);
        }
        expect([value('runRanks', { state: 'lost' }), value('refusedWorkers')]).to.deep.equal([0, 0]);
        expect(value('runSpan')).to.equal(timeline!.spanUs / 1e6);
        expect(value('runOverlap')).to.equal(timeline!.overlapPct / 100);
        expect(value('throughput', { per: 'gpu' })).to.equal(throughput!.tokensPerSecondPerGpu);
        expect(value('stageTime', { stage: 'emulate' })).to.equal(host.emulateSeconds);
        for (const { layer, rankMaxOverMean } of imbalance) {
          expect(value('imbalance', { layer: String(layer), of: 'rank' })).to.equal(rankMaxOverMean);
        }
      });

      it('have every family of the catalogue', () => {
        for (const [scrape, from] of [
          [coordinator, 'coordinator'],
          [workers, 'worker'],
        ] as const) {
          for (const key of metricsFrom('process', from)) {
            const { name, type } = METRICS[key];
            expect(scrape.has(type === 'histogram' ? `${name}_bucket` : name), name).to.equal(true);
          }
        }
      });

      it('do not change the digest, however often they are scraped', async () => {
        expect(last.scrapes).to.be.at.least(RANKS / 4 + 1);
        expect(report.digest).to.equal((await runLocally(small(scenario, UNEVEN))).digest);
      });

      it('agree with metrics.prom', () => {
        const written = parseMetrics(readFileSync(join(folder, 'metrics.prom'), 'utf8'));
        for (const key of metricsFrom('report')) {
          const { name, labels } = METRICS[key];
          expect(written.has(name), name).to.equal(true);
          const live = (labels as readonly string[]).includes('rank') ? workers : coordinator;
          if (key === 'runRanks' || key === 'runMemory' || key === 'runTime' || key === 'runWireBytes') continue;
          const byLabels = (scrape: Scrape): unknown[] =>
            (scrape.get(name) ?? [])
              .map((sample) => [JSON.stringify(sample.labels), Math.round(sample.value * 1e9)] as const)
              .sort(([a], [b]) => (a < b ? -1 : 1));
          expect(byLabels(live), name).to.deep.equal(byLabels(written));
        }
      });

      (PROMTOOL === undefined ? it.skip : it)('pass promtool’s lint (needs promtool)', () => {
        for (const text of [last.coordinator, ...last.workers, readFileSync(join(folder, 'metrics.prom'), 'utf8')]) {
          expect(text).to.include('# TYPE epemu_run_info gauge');
          expect(promtool(['check', 'metrics'], text)).to.deep.equal({ code: 0, output: '' });
        }
      });

      it('list no target any more', () => {
        expect(left).to.deep.equal({});
      });
    });
  }

  it('of ranks in one process are all on one page', async () => {
    const targets = `${temporary.fresh('targets')}.json`;
    const run = await MeteredRun.start(smallArguments('decode'), temporary.fresh(), targets);
    const last = await run.scrapeToTheEnd();
    const report = printedReport(await run.command.end);
    expect(last.workers).to.deep.equal([]);
    const scrape = parseMetrics(last.coordinator);
    expectRanks(scrape, report);
    expectSums(scrape, report);
    expect(valueOf(scrape, METRICS.runState.name, { state: 'succeeded' })).to.equal(1);
    expect(report.digest).to.equal((await runLocally(small('decode'))).digest);
  });

  it('of a run that fails say so until they have been scraped', async () => {
    const faults = ['--set', 'faults=[{"rank":5,"operation":20,"kind":"kill"}]'];
    const args = [...smallArguments('decode', { fabric: 'websocket', ranksPerWorker: 4 }), ...faults];
    const run = await MeteredRun.start(args, temporary.fresh(), `${temporary.fresh('targets')}.json`);
    const last = await run.scrapeToTheEnd();
    expect((await run.command.end).code).to.equal(EXIT_CODE.rankFailed);
    const scrape = parseMetrics(last.coordinator);
    expect(valueOf(scrape, METRICS.runState.name, { state: 'failed' })).to.equal(1);
    expect(valueOf(scrape, METRICS.runRanks.name, { state: 'lost' })).to.equal(4);
    expect(valueOf(scrape, METRICS.runWorkers.name, { state: 'lost' })).to.equal(1);
    const states = last.workers.map((text) =>
      valueOf(parseMetrics(text), METRICS.workerState.name, { state: 'failed' }),
    );
    // The killed one was last heard of while it ran, if it was at all.
    expect(states.filter((failed) => failed === 1)).to.have.length(3);
  });

  it('that nobody scrapes hold no process back beyond the linger', async () => {
    const folder = temporary.fresh();
    const args = smallArguments('decode', { fabric: 'websocket', layers: 1 });
    const metrics = ['--metrics', String(await freePort()), '--metrics-linger', '0.5', '--out', folder];
    const { code, stderr } = await runCli(['run', ...args, ...metrics]);
    expect(code, stderr).to.equal(0);
  });

  it('make no worker outlive a Ctrl-C while they linger', async () => {
    const args = smallArguments('decode', { fabric: 'websocket', layers: 1 });
    const metrics = ['--metrics', String(await freePort()), '--metrics-linger', '600', '--out', temporary.fresh()];
    const command = new CliProcess(['run', ...args, ...metrics, '--json']);
    await command.stdoutMatch(/"finding"/);
    const workers = childrenOf(command.pid);
    expect(workers).to.have.length(2);
    command.kill('SIGINT');
    expect((await command.end).code).to.equal(0);
    expect(workers.filter(isAlive)).to.deep.equal([]);
  });

  it('of a coordinator and workers that are started apart are served where each is told', async () => {
    const [coordinatorPort, workerPort] = [await freePort(), await freePort()];
    const environment = { EPEMU_TOKEN: TOKEN, EPEMU_METRICS_LINGER: '60' };
    const targets = `${temporary.fresh('targets')}.json`;
    const coordinator = new CliProcess(
      [
        ...['coordinator', ...smallArguments('decode', { fabric: 'websocket', ranks: 8 }), '--port', '0'],
        ...['--out', temporary.fresh(), '--json', '--prometheus-sd', targets],
      ],
      { ...environment, EPEMU_METRICS: String(coordinatorPort) },
    );
    const [, url] = await coordinator.stderrMatch(/listens at (ws:\S+)/);
    const health = (port: number): Promise<string> =>
      fetch(`http://127.0.0.1:${port}/healthz`).then((response) => response.text());
    expect(await health(coordinatorPort)).to.equal('joining\n');
    const worker = new CliProcess(['worker', '--coordinator', url, '--slots', '8'], {
      ...environment,
      EPEMU_METRICS: `0.0.0.0:${workerPort}`,
    });
    await coordinator.stderrMatch(/merging/);
    expect(JSON.parse(readFileSync(targets, 'utf8'))).to.deep.equal([
      { targets: [`127.0.0.1:${coordinatorPort}`], labels: { job: 'epemu-coordinator' } },
      { targets: [`127.0.0.1:${workerPort}`], labels: { job: 'epemu-worker' } },
    ]);
    /** Scrapes until the process is gone. @returns what it said last. */
    const last = async (port: number): Promise<Scrape> => {
      let text = '';
      for (;;) {
        try {
          text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        } catch {
          return parseMetrics(text);
        }
        await delay(20);
      }
    };
    expect(valueOf(await last(workerPort), METRICS.workerState.name, { state: 'finished' })).to.equal(1);
    expect(valueOf(await last(coordinatorPort), METRICS.runState.name, { state: 'succeeded' })).to.equal(1);
    for (const process of [worker, coordinator]) expect((await process.end).code).to.equal(0);
  });

  it('are refused in one sentence, before anything starts, where they are asked for wrongly', async () => {
    const file = temporary.fresh('file');
    writeFileSync(file, '');
    for (const [flags, words] of [
      [['--metrics', 'decode'], /--metrics is decode, which is a scenario and no address; write the scenario first/],
      [['--metrics', file], /which is a scenario and no address/],
      [['--metrics', '1:2:3'], /--metrics is 1:2:3, but it must be port, host or host:port/],
      [['--metrics', '0', '--metrics-linger', 'long'], /--metrics-linger is long, but it must be seconds from 0 to/],
      [['--metrics', '0', '--metrics-linger', '-1'], /--metrics-linger is -1, but/],
      [['--metrics', '0', '--prometheus-sd', file], /which does not end in \.json; Prometheus reads no other/],
      [['--prometheus-sd', 'x.json'], /--prometheus-sd lists metrics targets, of which there are none; add --metrics/],
      [
        ['--metrics', '0', '--prometheus-sd', '/nowhere/x.json'],
        /--prometheus-sd is \/nowhere\/x\.json, which cannot be written/,
      ],
    ] as const) {
      const out = temporary.fresh();
      const { code, stderr } = await runCli(['run', ...flags, '--out', out]);
      expect({ code, lines: stderr.split('\n').length }, stderr).to.deep.equal({ code: EXIT_CODE.badInput, lines: 2 });
      expect(stderr).to.match(words);
      expect(existsSync(out)).to.equal(false);
    }
  });

  it('whose port is taken end the command before the run starts', async () => {
    const port = await freePort();
    const flags = ['--port', '0', '--metrics', String(port), '--out', temporary.fresh()];
    const first = new CliProcess(['coordinator', ...flags], { EPEMU_TOKEN: TOKEN });
    await first.stderrMatch(/listens at/);
    const out = temporary.fresh();
    const { code, stderr } = await runCli(['run', 'decode', '--metrics', String(port), '--out', out]);
    expect(code).to.equal(EXIT_CODE.failure);
    expect(stderr).to.match(/127\.0\.0\.1:\d+ \(the port is in use\); choose another --metrics/);
    expect(existsSync(out)).to.equal(false);
    first.kill('SIGTERM');
    await first.end;
  });
});
