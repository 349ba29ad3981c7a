import { resolveConfiguration } from '@epemu/config';
import { buildProgram, outPort, transferOperations } from '@epemu/schedule';
import { expect } from 'chai';
import fc from 'fast-check';
import { failure } from '../fixtures.test-helper.js';
import { EventQueue } from './event-queue.js';
import { PortOrder } from './port-order.js';

const program = buildProgram(resolveConfiguration({ scenario: 'decode', flags: { ranks: 16, layers: 2 } }));
const ids = transferOperations(program).map(({ id }) => id);

describe('PortOrder', () => {
  it('serves in program order, in whatever order operations come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(ids, { minLength: ids.length }), async (coming) => {
        const queue = new EventQueue();
        const ports = new PortOrder(queue, program);
        const served: number[] = [];
        for (const id of coming) queue.start(ports.serve(id, outPort(0), () => served.push(id)));
        queue.advance();
        await queue.ended;
        expect(served).to.deep.equal(ids);
      }),
    );
  });

  it('throws when an operation has been served already, or never is', async () => {
    for (const id of [ids[0], program.operations.length]) {
      const queue = new EventQueue();
      const ports = new PortOrder(queue, program);
      queue.start(ports.serve(ids[0], outPort(0), () => undefined));
      queue.start(ports.serve(id, outPort(0), () => undefined));
      queue.advance();
      const message = await failure(() => queue.ended);
      expect(message).to.equal(`port ${outPort(0)} has no turn left for operation ${id}`);
    }
  });
});
