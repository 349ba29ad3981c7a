import { resolveConfiguration } from '@epemu/config';
import { buildProgram } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import { expect } from 'chai';
import { EventQueue } from './event-queue.js';
import type { Activity } from './event-queue.js';
import { HostClock } from './host.js';

const HOST = { gapNs: 0, kernelLaunchNs: 10, launchLatencyNs: 3, notifyPollNs: 100 };

function named({ operations }: Program, phase: string, row: number): Operation {
  return operations.find((operation) => operation.phase === phase && operation.row === row)!;
}

/** A CPU that has launched what it can. */
class Launching {
  readonly #queue = new EventQueue();
  readonly clock: HostClock;

  constructor(program: Program) {
    this.clock = new HostClock(this.#queue, program, HOST);
    this.#queue.start(this.clock.run());
    this.#queue.advance();
  }

  /** @returns the earliest start of a kernel; undefined while it is not launched. */
  earliestNs(operation: number, index: number): number | undefined {
    const { clock } = this;
    let found: number | undefined;
    this.#queue.start(
      (function* (): Activity<void> {
        found = clock.earliestNs(yield* clock.launchNs(operation, index));
      })(),
    );
    this.#queue.advance();
    return found;
  }
}

describe('HostClock', () => {
  const program = buildProgram(resolveConfiguration({ scenario: 'train' }));
  const dispatch = named(program, 'dispatch(F)', 0);
  const next = named(program, 'dispatch(B)', 0);
  const before = program.operations.slice(0, dispatch.id).reduce((sum, { kernels }) => sum + kernels.length, 0);

  it('launches kernel after kernel, in launch order over all streams', () => {
    const cpu = new Launching(program);
    expect(cpu.earliestNs(0, 0)).to.equal(3);
    expect(cpu.earliestNs(0, 2)).to.equal(23);
    expect(cpu.earliestNs(1, 0)).to.equal(program.operations[0].kernels.length * 10 + 3);
    expect(cpu.earliestNs(dispatch.id, 0)).to.equal(before * 10 + 3);
  });

  it('stops at an uncached dispatch until it has polled its notify, then launches its transfer and goes on', () => {
    const cpu = new Launching(program);
    const notify = dispatch.kernels.findIndex(({ role }) => role === 'notify');
    cpu.clock.notified(dispatch.id, 1_000_000);
    expect(cpu.earliestNs(dispatch.id, notify), 'the notify itself').to.equal((before + notify) * 10 + 3);
    expect(cpu.earliestNs(dispatch.id, notify + 1)).to.equal(1_000_103);
    expect(cpu.earliestNs(next.id, 0)).to.equal(1_000_113);
  });

  it('does not stop at a notify whose counts are cached', () => {
    const cpu = new Launching(program);
    const cached = program.operations[0];
    expect(cached.phase).to.equal('combine(B)');
    expect(cpu.earliestNs(cached.id, 2)).to.equal(23);
  });

  it('holds up nothing of a captured graph', () => {
    const graph = buildProgram(resolveConfiguration({ scenario: 'decode' }));
    const cpu = new Launching(graph);
    expect(cpu.earliestNs(graph.operations.length - 1, 0)).to.equal(0);
  });
});
