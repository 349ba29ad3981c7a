import { resolveConfiguration } from '@epemu/config';
import { InvariantError } from '@epemu/core';
import { buildProgram } from '@epemu/schedule';
import { expect } from 'chai';
import { SMALL, failure } from '../fixtures.test-helper.js';
import { buildLayout } from '../layout.js';
import { Layouts } from './layouts.js';

const program = buildProgram(resolveConfiguration({ scenario: 'decode', flags: { ranks: 16, layers: 2 } }));
const layout = buildLayout(SMALL, 0, 1, new Uint16Array(0));

describe('Layouts', () => {
  it('give a layout to its transfer, whichever comes first', async () => {
    const layouts = new Layouts(program);
    const early = layouts.take(0);
    layouts.put(0, layout);
    layouts.put(1, layout);
    expect(await early).to.equal(layout);
    expect(await layouts.take(1)).to.equal(layout);
  });

  it('throw when no transfer is left that would ask', async () => {
    const layouts = new Layouts(program);
    const first = layouts.take(0);
    expect(() => layouts.take(0)).to.throw(InvariantError, 'exchange 0');
    layouts.put(0, layout);
    await first;
    expect(() => layouts.take(0)).to.throw(InvariantError, 'exchange 0');
  });

  it('reject who waits and who comes when the rank has failed', async () => {
    const layouts = new Layouts(program);
    const waiting = failure(() => layouts.take(0));
    layouts.fail(new Error('enough'));
    expect(await waiting).to.equal('enough');
    expect(await failure(() => layouts.take(1))).to.equal('enough');
  });
});
