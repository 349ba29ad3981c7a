import { resolveConfiguration } from '@epemu/config';
import { buildProgram } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import { expect } from 'chai';
import { HostClock } from './host.js';

const HOST = { kernelLaunchNs: 10, launchLatencyNs: 3, notifyPollNs: 100 };

function named({ operations }: Program, phase: string, row: number): Operation {
  return operations.find((operation) => operation.phase === phase && operation.row === row)!;
}

const earliestNs = async (clock: HostClock, operation: number, index: number): Promise<number> =>
  clock.earliestNs(await clock.launchNs(operation, index));

describe('HostClock', () => {
  const program = buildProgram(resolveConfiguration({ scenario: 'train' }));
  const dispatch = named(program, 'dispatch(F)', 0);
  const next = named(program, 'dispatch(B)', 0);
  const before = program.operations.slice(0, dispatch.id).reduce((sum, { kernels }) => sum + kernels.length, 0);

  it('launches kernel after kernel, in launch order over all streams', async () => {
    const clock = new HostClock(program, HOST);
    void clock.run();
    expect(await earliestNs(clock, 0, 0)).to.equal(3);
    expect(await earliestNs(clock, 0, 2)).to.equal(23);
    expect(await earliestNs(clock, 1, 0)).to.equal(program.operations[0].kernels.length * 10 + 3);
    expect(await earliestNs(clock, dispatch.id, 0)).to.equal(before * 10 + 3);
  });

  it('stops at an uncached dispatch until it has polled its notify, then launches its transfer and goes on', async () => {
    const clock = new HostClock(program, HOST);
    void clock.run();
    const notify = dispatch.kernels.findIndex(({ role }) => role === 'notify');
    clock.notified(dispatch.id, 1_000_000);
    expect(await earliestNs(clock, dispatch.id, notify), 'the notify itself').to.equal((before + notify) * 10 + 3);
    expect(await earliestNs(clock, dispatch.id, notify + 1)).to.equal(1_000_103);
    expect(await earliestNs(clock, next.id, 0)).to.equal(1_000_113);
  });

  it('does not stop at a notify whose counts are cached', async () => {
    const clock = new HostClock(program, HOST);
    void clock.run();
    const cached = program.operations[0];
    expect(cached.phase).to.equal('combine(B)');
    expect(await earliestNs(clock, cached.id, 2)).to.equal(23);
  });

  it('holds up nothing of a captured graph', async () => {
    const graph = buildProgram(resolveConfiguration({ scenario: 'decode' }));
    const clock = new HostClock(graph, HOST);
    void clock.run();
    expect(await earliestNs(clock, graph.operations.length - 1, 0)).to.equal(0);
  });
});
