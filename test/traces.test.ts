import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { Report } from '@epemu/outputs';
import { outPort } from '@epemu/schedule';
import { STATEMENT } from '@epemu/trace';
import type { RankTimeline } from '@epemu/timeline';
import { lintTrace, readTrace } from '@epemu/trace';
import type { TraceEvent } from '@epemu/trace';
import { SCENARIOS, small, smallArguments } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { parseMetrics, valueOf } from './support/metrics-text.js';
import { REPORT_FIELDS, missingFields } from './support/report-fields.js';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const GPU_CATEGORIES = ['kernel', 'gpu_memset', 'gpu_memcpy'];
const FLAGS = { fabric: 'websocket', ranksPerWorker: 8 };

/** What trace files say of the run. */
interface TraceDescription {
  readonly computeSms: number;
  readonly communicationSms: number;
  readonly layerMarker: string;
  readonly operations: readonly { readonly id: number; readonly gates: number[] }[];
  readonly bytesTo: unknown;
}

interface ByteMatrix {
  readonly senders: readonly number[];
  readonly rdma: readonly (readonly number[])[];
  readonly nvlink: readonly (readonly number[])[];
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** What a trace and a timeline must agree in of a kernel. */
function kernelRow(operation: unknown, stream: unknown, startNs: unknown, endNs: unknown, name: unknown): string {
  return [operation, stream, startNs, endNs, name].map(String).join(' ');
}

function kernelsOfTrace(events: readonly TraceEvent[], pid: number): string[] {
  return events
    .filter((event) => event.ph === 'X' && event.pid === pid && GPU_CATEGORIES.includes(event.cat ?? ''))
    .map(({ args, name, tid }) => kernelRow(args?.operation, tid, args?.['start ns'], args?.['end ns'], name))
    .sort();
}

function kernelsOfTimeline({ program }: LocalRun, { events }: RankTimeline): string[] {
  const columns = (['operation', 'stream', 'startNs', 'endNs', 'kernel'] as const).map((name) => events.column(name));
  const [operations, streams, starts, ends, kernels] = columns;
  return [...operations]
    .map((id, i) => kernelRow(id, streams[i], starts[i], ends[i], program.kernels[kernels[i]].name))
    .sort();
}

/** Whether two rows of a host trace were busy at once. */
function overlap(one: readonly TraceEvent[], other: readonly TraceEvent[]): boolean {
  const span = ({ args }: TraceEvent): [number, number] => [Number(args?.['start ns']), Number(args?.['end ns'])];
  return one.map(span).some(([start, end]) => other.map(span).some(([from, to]) => start < to && from < end));
}

for (const scenario of SCENARIOS) {
  describe(`outputs of a ${scenario} run`, () => {
    const temporary = new TemporaryFolder();
    const folder = temporary.fresh();
    let local: LocalRun;
    let report: Report;

    before(async () => {
      local = await runLocally(small(scenario));
      const { code, stderr } = await runCli(['run', ...smallArguments(scenario, FLAGS), '--out', folder]);
      expect(code, stderr).to.equal(0);
      report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
    });
    after(() => {
      temporary.remove();
    });

    const rankFiles = (): string[] => readdirSync(join(folder, 'ranks')).map((name) => join(folder, 'ranks', name));

    it('the folder holds the files listed and nothing else', () => {
      expect(readdirSync(folder)).to.have.members([
        'config.json',
        'trace.json.gz',
        'ranks',
        'operations.bin.gz',
        'host-trace.json.gz',
        'report.html',
        'report.json',
        'metrics.prom',
        'run.log',
      ]);
      const names = Array.from({ length: 16 }, (_, rank) => `rank-${String(rank).padStart(5, '0')}.json.gz`);
      expect(readdirSync(join(folder, 'ranks'))).to.have.members(names);
    });

    it('every trace passes the lint', async () => {
      const paths = [...rankFiles(), join(folder, 'trace.json.gz'), join(folder, 'host-trace.json.gz')];
      for (const path of paths) expect(await lintTrace(path), path).to.deep.equal([]);
    });

    it('a rank’s trace read again has exactly the kernels of its timeline', async () => {
      for (const rank of [0, 9, 15]) {
        const { events } = await readTrace(rankFiles()[rank]);
        expect(kernelsOfTrace(events, 1 + rank)).to.deep.equal(kernelsOfTimeline(local, local.timelines[rank]));
      }
    });

    it('the merged trace read again has exactly the kernels of all timelines', async () => {
      const { events } = await readTrace(join(folder, 'trace.json.gz'));
      for (const timeline of local.timelines) {
        expect(kernelsOfTrace(events, 1 + timeline.rank)).to.deep.equal(kernelsOfTimeline(local, timeline));
      }
    });

    it('correlations are unique across ranks and every flow of the merged trace has both its ends', async () => {
      const { events } = await readTrace(join(folder, 'trace.json.gz'));
      const correlations = events.filter(({ cat }) => cat === 'kernel').map(({ args }) => args?.correlation);
      expect(new Set(correlations).size).to.equal(correlations.length);
      const ids = (ph: string): unknown[] => events.filter((event) => event.ph === ph).map(({ id }) => id);
      expect(ids('s').length).to.be.greaterThan(0);
      expect(new Set(ids('s')).size).to.equal(ids('s').length);
      expect(new Set(ids('f'))).to.deep.equal(new Set(ids('s')));
    });

    it('trace files list the recorded operations, whose gates are all there', async () => {
      for (const path of [rankFiles()[3], join(folder, 'trace.json.gz')]) {
        const { epemu } = (await readTrace(path)).metadata as { epemu: TraceDescription };
        const { schedule } = local.configuration;
        expect(epemu).to.include({ computeSms: schedule.computeSms, communicationSms: schedule.communicationSms });
        expect(epemu.layerMarker).to.equal(local.program.layerMarker);
        const recorded = local.program.operations.filter((operation) => operation.recorded).map(({ id }) => id);
        expect(epemu.operations.map(({ id }) => id)).to.deep.equal(recorded);
        for (const { gates } of epemu.operations) expect(recorded).to.include.members(gates);
      }
    });

    it('trace files tell the bytes that each rank sent to each, as many as the out-ports served', async () => {
      const { metadata } = await readTrace(join(folder, 'trace.json.gz'));
      const matrix = metadata['bytes'] as ByteMatrix;
      expect(matrix.senders).to.deep.equal(local.timelines.map(({ rank }) => rank));
      for (const { rank, services } of local.timelines) {
        const [ports, bytes] = [services.column('port'), services.column('bytes')];
        const served = (port: number): number => sumOf([...bytes].filter((_, i) => ports[i] === port));
        const { rdma, nvlink } = matrix;
        expect([sumOf(rdma[rank]), sumOf(nvlink[rank])]).to.deep.equal([served(outPort(0)), served(outPort(1))]);
      }
      const { epemu } = (await readTrace(rankFiles()[9])).metadata as { epemu: TraceDescription };
      expect(epemu.bytesTo).to.deep.equal({ rdma: matrix.rdma[9], nvlink: matrix.nvlink[9] });
      expect(sumOf(matrix.rdma.flat())).to.equal(report.traffic.rdmaBytes);
    });

    it('rank files name their rank as Holistic Trace Analysis looks for it', () => {
      rankFiles().forEach((path, rank) => {
        const match = /"rank":\s+(\d+)/.exec(gunzipSync(readFileSync(path)).toString());
        expect(Number(match?.[1])).to.equal(rank);
      });
    });

    it('the operations replay with the digest of the run', async () => {
      const { code, stdout, stderr } = await runCli(['replay', folder, '--json']);
      expect(code, stderr).to.equal(0);
      expect(JSON.parse(stdout)).to.include({ digest: local.digest, recordedDigest: report.digest, ranks: 16 });
    });

    it('config.json repeats the run with the same digest', async () => {
      const again = temporary.fresh();
      const { code, stdout, stderr } = await runCli(['run', join(folder, 'config.json'), '--json', '--out', again]);
      expect(code, stderr).to.equal(0);
      expect(JSON.parse(stdout)).to.include({ digest: report.digest, status: 'ok' });
      const [first, second] = [folder, again].map((path) => readFileSync(join(path, 'config.json'), 'utf8'));
      expect(second).to.equal(first);
    });

    it('report.json has every field of the contract', () => {
      expect(missingFields(report, REPORT_FIELDS)).to.deep.equal([]);
      expect(report).to.include({ schema: 'epemu-report/1', scenario, ranks: 16, nodes: 2, layers: 4, status: 'ok' });
      expect(report.digest).to.equal(local.digest);
      expect(report.statement).to.deep.equal(STATEMENT);
      expect(report.ranksSummary.map(({ rank }) => rank)).to.deep.equal(Array.from({ length: 16 }, (_, rank) => rank));
      expect(report.throughput !== null && 'tpotMs' in report.throughput).to.equal(scenario === 'decode');
    });

    it('metrics.prom parses and agrees with the report', () => {
      const metrics = parseMetrics(readFileSync(join(folder, 'metrics.prom'), 'utf8'));
      expect(valueOf(metrics, 'epemu_run_ranks', { state: 'wanted' })).to.equal(16);
      expect(valueOf(metrics, 'epemu_run_state', { state: 'succeeded' })).to.equal(1);
      expect(metrics.get('epemu_expert_rows_total')).to.deep.equal(
        report.ranksSummary.map(({ rank, expertRows: value }) => ({
          labels: { rank: String(rank), node: String(Math.floor(rank / 8)) },
          value,
        })),
      );
    });

    it('run.log is one JSON object a line', () => {
      const lines = readFileSync(join(folder, 'run.log'), 'utf8').trimEnd().split('\n');
      const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
      expect(messages[0]).to.equal('run starts');
      expect(messages.at(-1)).to.equal('run ends');
    });

    it('the host trace shows compute tasks under sends and receives of the same process', async () => {
      const { events } = await readTrace(join(folder, 'host-trace.json.gz'));
      const slices = events.filter(({ ph }) => ph === 'X');
      const pids = [...new Set(slices.map(({ pid }) => pid))];
      expect(pids).to.have.length(2);
      const overlapping = pids.filter((pid) => {
        const own = slices.filter((event) => event.pid === pid);
        const messages = own.filter(({ name }) => /^(send|receive) /.test(name));
        return overlap(
          messages,
          own.filter((event) => !messages.includes(event)),
        );
      });
      expect(overlapping).to.deep.equal(pids);
    });

    // The form of the record is the same in every scenario.
    if (scenario !== 'decode') return;

    it('a damaged record of operations is refused with one sentence', async () => {
      const whole = readFileSync(join(folder, 'operations.bin.gz'));
      const unpacked = gunzipSync(whole);
      const flipped = Buffer.from(whole);
      flipped[Math.floor(whole.length / 2)] ^= 0xff;
      const damages = {
        flipped,
        short: whole.subarray(0, Math.floor(whole.length / 2)),
        empty: Buffer.alloc(0),
        cut: gzipSync(unpacked.subarray(0, unpacked.length - 100)),
        head: gzipSync(
          Buffer.from(unpacked.toString('latin1').replace('"configuration"', '"configurat!on"'), 'latin1'),
        ),
        json: gzipSync(
          Buffer.from(unpacked.toString('latin1').replace('{"configuration"', '#"configuration"'), 'latin1'),
        ),
        columns: gzipSync(Buffer.concat([unpacked.subarray(0, unpacked.length - 4096), Buffer.alloc(4096, 0xff)])),
      };
      for (const [name, bytes] of Object.entries(damages)) {
        const path = join(temporary.path, `${name}.bin.gz`);
        writeFileSync(path, bytes);
        const { code, stdout, stderr } = await runCli(['replay', path]);
        expect({ name, code, stdout }, stderr).to.deep.equal({ name, code: 2, stdout: '' });
        expect(stderr, name).to.match(/^epemu: [^\n]+\n$/);
        expect(stderr, name).to.include(path);
      }
    });
  });
}
