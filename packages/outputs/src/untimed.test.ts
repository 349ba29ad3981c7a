import { resolveConfiguration } from '@epemu/config';
import { buildProgram } from '@epemu/schedule';
import { expect } from 'chai';
import { untimedSentence } from './untimed.js';

describe('untimedSentence', () => {
  const program = buildProgram(resolveConfiguration({ scenario: 'prefill', flags: { layers: 1 } }));

  it('says nothing of a schedule whose computation is all timed again', () => {
    expect(untimedSentence(program)).to.equal(undefined);
  });

  it('names pairs of phases once', () => {
    const named = (phase: string): number => program.operations.find((operation) => operation.phase === phase)!.id;
    const pair = { compute: named('ATTN(0)'), collective: named('DISPATCH(1)') };
    expect(untimedSentence({ ...program, untimed: [pair, pair] })).to.match(/end: ATTN\(0\) by DISPATCH\(1\)\.$/);
  });
});
