import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Report } from '@epemu/outputs';
import { METRICS, dashboard, metricsTable } from '@epemu/metrics';
import type { MetricFamily, Panel } from '@epemu/metrics';
import { EXIT_CODE } from '@epemu/core';
import { smallArguments } from './support/configuration.js';
import { eventually } from './support/eventually.js';
import { MeteredRun, printedReport } from './support/metered-run.js';
import { PROMETHEUS, PROMTOOL, Prometheus, promtool } from './support/prometheus.js';
import type { Series } from './support/prometheus.js';
import { TemporaryFolder } from './support/temporary.js';

const FOLDER = 'docker/prometheus';
const RULES = readdirSync(join(FOLDER, 'rules')).map((name) => join(process.cwd(), FOLDER, 'rules', name));
const RULE_TESTS = join(FOLDER, 'tests', 'rules.test.yml');
const BOARD = dashboard();
const PANELS = BOARD.panels.filter((panel): panel is Panel => panel.type !== 'row');
const RANKS = 16;
const WORKERS = 4;
/** So slow that the run which is watched goes on for minutes: it is ended when all has been seen. */
const ROWS_PER_SECOND = 0.25;
/** Room for Prometheus to find a run, which takes it some ten seconds, and for an alert that must hold for ten. */
const SEEN_MS = 150_000;

/** @returns names of the catalogue as samples have them. */
function sampleNames(): Set<string> {
  const families: readonly MetricFamily[] = Object.values(METRICS);
  return new Set(
    families.flatMap(({ name, type }) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
    ),
  );
}

/** @returns a panel's query as Grafana would send it with everything chosen. */
function asSent(expression: string): string {
  return expression.replace(/\$__rate_interval/g, '10s').replace(/\$(?:job|instance)/g, '.*');
}

describe('Prometheus rules and the dashboard', () => {
  it('name only metrics and labels that there are', () => {
    const known = sampleNames();
    const texts = [...RULES, RULE_TESTS].map((path) => readFileSync(path, 'utf8'));
    const recorded = new Set(texts.flatMap((text) => [...text.matchAll(/record: (\S+)/g)].map(([, name]) => name)));
    for (const text of [...texts, ...PANELS.flatMap(({ targets }) => targets.map(({ expr }) => expr))]) {
      for (const [name] of text.matchAll(/(?:\w+:)?\bepemu_\w+(?::\w+)?/g)) {
        expect(known.has(name) || recorded.has(name), name).to.equal(true);
      }
      for (const [, name, matchers] of text.matchAll(/\b(epemu_\w+)\{([^}]*)\}/g)) {
        const family = Object.values(METRICS).find((metric) => name.startsWith(metric.name) && known.has(name))!;
        for (const [, label] of matchers.matchAll(/(\w+)=/g)) {
          expect([...family.labels, 'job', 'instance', 'le'], `${name}{${label}}`).to.include(label);
        }
      }
    }
  });

  it('have a unit test of each alert that fires and of the same alert that does not', () => {
    const tests = readFileSync(RULE_TESTS, 'utf8');
    const alerts = RULES.flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/alert: (\S+)/g)]);
    expect(alerts).to.have.length(8);
    for (const [, alert] of alerts) {
      expect(tests).to.match(new RegExp(`\\{ alertname: ${alert}, eval_time: \\d+s \\}`));
      expect(tests).to.match(new RegExp(`alertname: ${alert}\\n\\s+eval_time: \\d+s\\n\\s+exp_alerts:`));
    }
  });

  it('the committed dashboard and table are those of the catalogue', () => {
    const committed = readFileSync('docker/grafana/provisioning/dashboards/epemu.json', 'utf8');
    expect(committed, 'run node scripts/write-metrics.mjs').to.equal(`${JSON.stringify(BOARD, null, 2)}\n`);
    expect(readFileSync('docs/metrics.md', 'utf8')).to.include(`\n${metricsTable()}\n`);
  });

  it('the dashboard shows every family that is served', () => {
    const shown = PANELS.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join('\n');
    const served = (Object.values(METRICS) as MetricFamily[]).filter(({ from }) =>
      from.some((source) => source !== 'report'),
    );
    const missing = served.filter(({ name }) => !shown.includes(name)).map(({ name }) => name);
    // How many layers a run has is no figure to follow.
    expect(missing).to.deep.equal([METRICS.runLayers.name]);
  });

  it('the dashboard’s panels have numbers of their own, explain themselves and do not overlap', () => {
    expect(new Set(BOARD.panels.map(({ id }) => id)).size).to.equal(BOARD.panels.length);
    const cells = new Set<string>();
    for (const { title, gridPos } of BOARD.panels) {
      expect(gridPos.x + gridPos.w, title).to.be.at.most(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x} ${y}`), `${title} at ${x}, ${y}`).to.equal(false);
          cells.add(`${x} ${y}`);
        }
      }
    }
    for (const { title, description, fieldConfig, targets } of PANELS) {
      expect(description, title).to.match(/\.$/);
      expect(fieldConfig.defaults['unit'], title).to.be.a('string');
      expect(new Set(targets.map(({ refId }) => refId)).size).to.equal(targets.length);
      for (const { legendFormat } of targets) expect(legendFormat, title).not.to.equal('');
    }
  });

  it('the dashboard uses no variable that it does not have', () => {
    const names = BOARD.templating.list.map(({ name }) => name);
    const used = JSON.stringify(BOARD).matchAll(/\$\{?(\w+)/g);
    for (const [, name] of used) expect(['__rate_interval', '__all', ...names]).to.include(name);
  });

  (PROMTOOL === undefined ? it.skip : it)('pass promtool, rule unit tests and all (needs promtool)', () => {
    for (const args of [
      ['check', 'config', join(FOLDER, 'prometheus.yml')],
      ['check', 'rules', ...RULES],
      ['test', 'rules', RULE_TESTS],
    ]) {
      const { code, output } = promtool(args);
      expect(code, output).to.equal(0);
      expect(output).to.include('SUCCESS');
    }
  });

  (PROMETHEUS === undefined ? describe.skip : describe)('with real runs (needs Prometheus)', () => {
    const temporary = new TemporaryFolder();
    let prometheus: Prometheus;
    /** Goes on, slowly, until all has been seen that takes several scrapes; one of its ranks is slow. */
    let watched: MeteredRun;
    let watchedProcesses: readonly string[];
    /** Ends by itself and stays until its last values have been taken. */
    let report: Report;
    let endedProcesses: readonly string[];

    before(async () => {
      const targets = ['watched', 'ended'].map((name) => `${temporary.fresh(name)}.json`);
      prometheus = await Prometheus.start(temporary.fresh('prometheus'), targets, RULES);
      const slow = ['--pace', String(ROWS_PER_SECOND), '--set', 'slowRanks=[{"rank":5,"factor":2}]'];
      const args = (layers: number): string[] =>
        smallArguments('train', { fabric: 'websocket', ranksPerWorker: RANKS / WORKERS, layers });
      watched = await MeteredRun.start([...args(58), ...slow], temporary.fresh(), targets[0]);
      const ended = await MeteredRun.start(
        [...args(4), '--eplb', '--slow-nic', '3=0.5'],
        temporary.fresh(),
        targets[1],
      );
      [watchedProcesses, endedProcesses] = await Promise.all([watched.processes(), ended.processes()]);
      const end = await ended.command.end;
      expect(end.code, end.stderr).to.equal(0);
      report = printedReport(end);
    });
    after(async () => {
      watched.command.kill('SIGINT');
      const { code, stderr } = await watched.command.end;
      expect(code, stderr).to.equal(EXIT_CODE.interrupted);
      await prometheus.stop();
      temporary.remove();
    });

    /** Looks again while the watched run goes on. */
    const seen = (check: () => Promise<void>): Promise<void> => eventually(SEEN_MS, check);
    const of = (processes: readonly string[], series: readonly Series[]): Series[] =>
      series.filter(({ metric }) => processes.includes(metric['instance'] ?? ''));

    it('have series of every rank, under the labels that epemu gave them', async () => {
      await seen(async () => {
        for (const processes of [watchedProcesses, endedProcesses]) {
          const series = of(processes, await prometheus.history(METRICS.virtualTime.name));
          const ranks = series.map(({ metric }) => Number(metric['rank']));
          expect(ranks.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: RANKS }, (_, rank) => rank));
          for (const { metric } of series) expect(metric['job']).to.equal('epemu-worker');
        }
      });
      expect(await prometheus.history('{exported_rank!=""}')).to.deep.equal([]);
    });

    it('have, last, the figures of the report', async () => {
      const last = (series: Series | undefined): number => Number(series?.values.at(-1)?.[1]);
      const endedOnes = async (selector: string): Promise<Series[]> =>
        of(endedProcesses, await prometheus.samples(selector));
      const [span] = await endedOnes(METRICS.runSpan.name);
      expect(last(span)).to.equal(report.timeline!.spanUs / 1e6);
      const rows = await endedOnes(METRICS.expertRows.name);
      for (const { rank, expertRows } of report.ranksSummary) {
        expect(last(rows.find(({ metric }) => metric['rank'] === String(rank)))).to.equal(expertRows);
      }
      const rdma = await endedOnes(`${METRICS.linkBytes.name}{link="rdma",direction="out"}`);
      expect(rdma.reduce((sum, series) => sum + last(series), 0)).to.equal(report.traffic.rdmaBytes);
    });

    for (const { title, targets } of PANELS) {
      it(`have data for the panel “${title}”`, async () => {
        for (const { expr } of targets) {
          await seen(async () => {
            const series = await prometheus.history(asSent(expr));
            expect(series, asSent(expr)).not.to.be.empty;
            const values = series.flatMap((one) => one.values.map(([, value]) => Number(value)));
            expect(values.some(Number.isFinite), expr).to.equal(true);
          });
        }
      });
    }

    it('fill the variables of the dashboard', async () => {
      const info = await prometheus.history(METRICS.runInfo.name);
      expect(new Set(info.map(({ metric }) => metric['job']))).to.have.keys('epemu-coordinator', 'epemu-worker');
      for (const processes of [watchedProcesses, endedProcesses]) {
        const own = of(processes, info);
        expect(new Set(own.map(({ metric }) => metric['instance']))).to.have.keys(...processes);
        expect(new Set(own.map(({ metric }) => metric['run'])).size).to.equal(1);
      }
      expect(new Set(info.map(({ metric }) => metric['run'])).size).to.equal(2);
    });

    it('have every rule evaluated without error, and every recording rule to something', async () => {
      await seen(async () => {
        const rules = await prometheus.rules();
        expect(rules).to.have.length(16);
        for (const { name, health, lastError } of rules) {
          expect({ name, health, lastError: lastError ?? '' }).to.deep.equal({ name, health: 'ok', lastError: '' });
          if (name.includes(':')) expect(await prometheus.history(name), name).not.to.be.empty;
        }
      });
    });

    it('alert of the slow rank, and of nothing else that is wrong', async () => {
      const firing = async (names: string): Promise<Set<string | undefined>> => {
        const alerts = await prometheus.history(`ALERTS{alertstate="firing",alertname=~"${names}"}`);
        return new Set(alerts.map(({ metric }) => metric['rank']));
      };
      await seen(async () => {
        expect(await firing('EpemuStraggler')).to.include('5');
      });
      expect([...(await firing('EpemuStraggler'))]).to.deep.equal(['5']);
      // A starved machine earns the alerts that a run does not go on and that an event loop is blocked.
      expect([...(await firing('EpemuRunFailed|EpemuRankLost|EpemuDecodeErrors'))]).to.deep.equal([]);
    });
  });
});
