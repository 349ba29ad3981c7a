import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { expect } from 'chai';

import { program, RUN, stoppedTimeline, timeline, withDirectory } from './fixture.test-helper.js';
import { lintTrace } from './lint.js';
import { writeRankTrace } from './rank-writer.js';
import { readTrace } from './reader.js';
import { RunTrace } from './run-trace.js';

const PROGRAM = program(3);
const GPU = new Set(['kernel', 'gpu_memcpy', 'gpu_memset']);

describe('writeRankTrace', () => {
  it('writes a file in which lint finds nothing', () =>
    withDirectory(async (directory) => {
      for (let rank = 0; rank < 4; rank++) {
        const path = join(directory, `rank-${rank}.json.gz`);
        await writeRankTrace(path, new RunTrace(RUN, PROGRAM), timeline(PROGRAM, rank, 4));
        expect(await lintTrace(path)).to.deep.equal([]);
      }
    }));

  it('writes a sound file wherever the rank was stopped, before its first event too', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json.gz');
      for (let kernels = 0; kernels <= timeline(PROGRAM, 1, 4).events.count; kernels++) {
        const statistics = await writeRankTrace(
          path,
          new RunTrace(RUN, PROGRAM),
          stoppedTimeline(PROGRAM, 1, 4, kernels),
        );
        expect(await lintTrace(path)).to.deep.equal([]);
        const { events } = await readTrace(path);
        expect(statistics.events).to.equal(events.length);
        expect(events.filter(({ cat }) => GPU.has(cat ?? ''))).to.have.length(kernels);
      }
    }));

  it("keeps every kernel's exact nanoseconds, stream and operation, and rounds ts and end, not dur", () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json');
      const written = timeline(PROGRAM, 3, 4);
      await writeRankTrace(path, new RunTrace(RUN, PROGRAM), written);
      const { events } = await readTrace(path);
      const kernels = events.filter(({ cat }) => GPU.has(cat ?? ''));
      const { events: columns } = written;
      expect(kernels.map(({ args }) => args!['start ns'])).to.deep.equal([...columns.column('startNs')]);
      expect(kernels.map(({ args }) => args!['end ns'])).to.deep.equal([...columns.column('endNs')]);
      expect(kernels.map(({ tid }) => tid)).to.deep.equal([...columns.column('stream')]);
      expect(kernels.map(({ args }) => args!.operation)).to.deep.equal([...columns.column('operation')]);
      for (const { ts, dur, args } of kernels) {
        expect(ts).to.equal(Math.round((args!['start ns'] as number) / 1000));
        expect(ts! + dur!).to.equal(Math.round((args!['end ns'] as number) / 1000));
      }
    }));

  it('has the top level of a PyTorch-profiler file, with the blank that HTA searches for', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json.gz');
      const statistics = await writeRankTrace(path, new RunTrace(RUN, PROGRAM), timeline(PROGRAM, 3, 4));
      const packed = await readFile(path);
      const text = gunzipSync(packed).toString();
      expect(text).to.include('"distributedInfo": {"backend": "nccl", "rank": 3, "world_size": 4}');
      const parsed = JSON.parse(text) as Record<string, unknown> & { traceEvents: unknown[] };
      expect(parsed).to.include.keys('schemaVersion', 'deviceProperties', 'traceName', 'displayTimeUnit', 'epemu');
      const devices = parsed.deviceProperties as Record<string, unknown>[];
      expect(devices.map(({ id, name }) => `${String(id)} ${String(name)}`)).to.deep.equal([
        '0 NVIDIA H800',
        '1 NVIDIA H800',
      ]);
      expect(parsed.epemu).to.have.nested.property('configuration.note', 'a "quoted" key, ]}, and a \\ backslash');
      expect(statistics).to.deep.equal({
        events: parsed.traceEvents.length,
        bytesUnpacked: Buffer.byteLength(text),
        bytesWritten: packed.length,
      });
    }));

  it('launches every kernel from the host before it starts, in order, inside the annotation of its phase', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json');
      await writeRankTrace(path, new RunTrace(RUN, PROGRAM), timeline(PROGRAM, 0, 4));
      const { events } = await readTrace(path);
      const launches = events.filter(({ cat }) => cat === 'cuda_runtime');
      expect(launches.map(({ name }) => name)).to.include.members(['cudaLaunchKernelExC', 'cudaMemsetAsync']);
      const phases = events.filter(({ cat, name }) => cat === 'user_annotation' && !name.startsWith('Prof'));
      expect(phases.map(({ name }) => name)).to.deep.equal(PROGRAM.operations.map(({ phase }) => phase));
      for (const { ts, dur } of launches) {
        expect(phases.filter((phase) => phase.ts! <= ts! && ts! + dur! <= phase.ts! + phase.dur!)).to.not.be.empty;
      }
      expect(events.filter(({ name }) => name.startsWith('ProfilerStep'))).to.have.length(1);
    }));

  it('writes the launches that the run timed, to the nanosecond', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json');
      const written = timeline(PROGRAM, 0, 4);
      await writeRankTrace(path, new RunTrace(RUN, PROGRAM), written);
      const { events } = await readTrace(path);
      const launches = new Map(
        events.filter(({ cat }) => cat === 'cuda_runtime').map(({ args, ts }) => [args!.correlation, ts]),
      );
      const kernels = events.filter(({ cat }) => GPU.has(cat ?? ''));
      expect(kernels.map(({ args }) => args!['launch ns'])).to.deep.equal([...written.events.column('launchNs')]);
      for (const { args } of kernels) {
        expect(launches.get(args!.correlation)).to.equal(Math.round((args!['launch ns'] as number) / 1000));
      }
    }));

  it('launches a captured graph by one call, which all its kernels have the correlation of', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json');
      await writeRankTrace(path, new RunTrace(RUN, { ...PROGRAM, launch: 'graph' }), timeline(PROGRAM, 1, 4));
      expect(await lintTrace(path)).to.deep.equal([]);
      const { events } = await readTrace(path);
      const launches = events.filter(({ cat }) => cat === 'cuda_runtime');
      expect(launches.map(({ name }) => name)).to.deep.equal(['cudaGraphLaunch']);
      const kernels = events.filter(({ cat }) => GPU.has(cat ?? ''));
      expect(new Set(kernels.map(({ args }) => args!.correlation))).to.deep.equal(
        new Set([launches[0].args!.correlation]),
      );
      expect(events.filter(({ ph, cat }) => ph === 'f' && cat === 'ac2g')).to.have.length(kernels.length);
    }));

  it('has the CPU wait for the counts of an uncached dispatch, in the form that analysers know', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json');
      await writeRankTrace(path, new RunTrace(RUN, PROGRAM), timeline(PROGRAM, 1, 4));
      const { events } = await readTrace(path);
      const polls = events.filter(({ name }) => name === 'cudaEventSynchronize');
      expect(polls).to.have.length(3);
      const shown = events.filter(({ cat, name }) => cat === 'cuda_sync' && name === 'Event Sync');
      expect(shown.map(({ tid, ts, dur, args }) => [tid, ts, dur, args!.correlation])).to.deep.equal(
        polls.map(({ ts, dur, args }) => [-1, ts, dur, args!.correlation]),
      );
      const notifies = events.filter(({ name }) => name.endsWith(' notify')).filter((_, place) => place % 2 === 0);
      shown.forEach(({ args }, place) => {
        const record = events.find(
          ({ name, args: own }) =>
            name === 'cudaEventRecord' && own!.correlation === args!.wait_on_cuda_event_record_corr_id,
        );
        expect(record, 'the record behind the launch of the notify').to.have.nested.property(
          'args.correlation',
          (notifies[place].args!.correlation as number) + 1,
        );
        expect(args).to.include({ wait_on_stream: 27, stream: -1, cuda_sync_kind: 'Event Sync' });
      });
    }));

  it('gives transfers the NCCL args of PyTorch: elements sent as In, received as Out, split by peer', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json');
      await writeRankTrace(path, new RunTrace(RUN, PROGRAM), timeline(PROGRAM, 1, 4));
      const { events } = await readTrace(path);
      const of = (phase: string): Readonly<Record<string, unknown>>[] =>
        events.flatMap(({ args }) =>
          args?.phase === phase && args['Collective name'] !== undefined && args.layer === 0 ? [args] : [],
        );
      const [notify, dispatch] = of('dispatch(F)');
      expect(notify).to.include({ 'Collective name': 'all_to_all', dtype: 'Int', 'Group size': 4, Rank: 1 });
      expect(dispatch).to.include({
        'Collective name': 'all_to_allv',
        dtype: 'Byte',
        'In msg nelems': 2 * 7168 * (1 + 3 + 4),
        'Out msg nelems': 2 * 7168 * 3,
        'In split size': '[14336, 0, 43008, 57344]',
        'Out split size': '[14336, 0, 14336, 14336]',
        'Process Group Ranks': '[0, 1, 2, 3]',
      });
      const [barrier, combine] = of('combine(F)');
      expect(barrier).to.include({ 'Collective name': 'barrier' });
      expect(combine).to.include({ dtype: 'BFloat16', 'In msg nelems': 7168 * (1 + 3 + 4) });
      expect(of('issue DISPATCH(0)')[0]).to.include({ 'In msg nelems': 2 * 7168 * 8, 'Out split size': '[]' });
    }));

  it('cuts the lists of big groups where Kineto does', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json');
      await writeRankTrace(path, new RunTrace({ ...RUN, ranks: 64 }, PROGRAM), timeline(PROGRAM, 0, 64, 1));
      const { events } = await readTrace(path);
      const transfer = events.find(({ args }) => args?.['Collective name'] === 'all_to_allv')!;
      const split = transfer.args!['In split size'] as string;
      expect(split).to.match(/^\[0, 14336, .*, \.\.\.\]$/);
      expect(split.split(', ')).to.have.length(31);
    }));

  it('has the exact bytes to all ranks of big groups beside the cut lists, of what sends', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json');
      await writeRankTrace(path, new RunTrace({ ...RUN, ranks: 64 }, PROGRAM), timeline(PROGRAM, 0, 64, 1));
      const { events } = await readTrace(path);
      const transfers = events.filter(({ args }) => args?.['Collective name'] === 'all_to_allv');
      const expected = Array.from({ length: 64 }, (_, peer) => (peer === 0 ? 0 : 7168 * (1 + peer)));
      for (const { args } of transfers) expect(args!['bytes to']).to.deep.equal(expected);
    }));

  it('draws background transfers as async events on a network row, never as kernels', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json');
      await writeRankTrace(path, new RunTrace(RUN, PROGRAM), timeline(PROGRAM, 2, 4));
      const { events } = await readTrace(path);
      const network = events.filter(({ cat }) => cat === 'network');
      expect(network.map(({ ph, name }) => `${ph} ${name}`)).to.deep.equal(
        Array.from({ length: 3 }, () => ['b DISPATCH(0)', 'e DISPATCH(0)']).flat(),
      );
      expect(new Set(network.map(({ id }) => id))).to.have.property('size', 3);
    }));

  it('says in one sentence where a file cannot be written', async () => {
    const path = '/nonexistent/rank.json.gz';
    const failure = await writeRankTrace(path, new RunTrace(RUN, PROGRAM), timeline(PROGRAM, 0, 4)).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);
    expect((failure as Error).message).to.match(
      /^cannot write the trace \/nonexistent\/rank\.json\.gz: ENOENT.*free space$/,
    );
  });

  it('gives kernels of different ranks different correlations', () =>
    withDirectory(async (directory) => {
      const ids = new Set<unknown>();
      let kernels = 0;
      for (let rank = 0; rank < 4; rank++) {
        const path = join(directory, `rank-${rank}.json`);
        await writeRankTrace(path, new RunTrace(RUN, PROGRAM), timeline(PROGRAM, rank, 4));
        for (const { cat, args } of (await readTrace(path)).events) {
          if (!GPU.has(cat ?? '')) continue;
          kernels++;
          ids.add(args!.correlation);
        }
      }
      expect(ids.size).to.equal(kernels);
    }));
});
