import { expect } from 'chai';
import type { CalibrationRow } from '@epemu/published';
import { sharedValidation } from './support/validation.js';

/** Facts that DeepSeek's published training trace shows of one rank, and what is claimed of the emulated 64. */
const CLAIMS: readonly { readonly claim: string; readonly facts: readonly RegExp[] }[] = [
  { claim: 'runs phases in the trace’s order on both streams', facts: [/^order\./] },
  {
    claim: 'takes as long as the trace does, as a whole and for its shortest and longest cell',
    facts: [/^span$/, /^cell_/],
  },
  { claim: 'keeps the communication stream and the compute streams as busy', facts: [/^comm_busy$/, /^compute_busy$/] },
  { claim: 'hides, exposes and idles as much', facts: [/^overlap/, /^exposed$/, /^idle$/] },
  { claim: 'spends as long in each transfer', facts: [/^transfer\./] },
  { claim: 'waits as much in notify, from the skew of its own ranks alone', facts: [/^notify_share$/] },
  { claim: 'spends as long in each compute phase', facts: [/^phase\./, /^attention_backward_over_forward$/] },
  { claim: 'launches as many kernels of as many thread blocks', facts: [/^kernels\./, /^ctas\./] },
  { claim: 'would take as much longer if nothing overlapped', facts: [/^serial_over_span$/] },
  { claim: 'gives a rank as many expert rows', facts: [/^expert_rows_mean$/] },
];

describe('the training scenario at its published size, mean over ranks', () => {
  let rows: readonly CalibrationRow[];

  before(async function () {
    this.timeout(300_000);
    const { groups } = await sharedValidation();
    rows = groups.find(({ name }) => name === 'train')!.rows;
  });

  for (const { claim, facts } of CLAIMS) {
    it(claim, () => {
      const found = rows.filter(({ id }) => facts.some((fact) => fact.test(id.replace('train.trace.', ''))));
      expect(found).not.to.have.lengthOf(0);
      for (const { id, published, emulated, withinTolerance } of found) {
        expect(withinTolerance, `${id}: ${published} published, ${emulated} emulated`).to.equal(true);
      }
    });
  }

  it('is claimed to meet every fact of the trace that has a tolerance', () => {
    const claimed = CLAIMS.flatMap(({ facts }) => facts);
    const bound = rows
      .filter(({ tolerance }) => tolerance !== undefined)
      .map(({ id }) => id.replace('train.trace.', ''));
    expect(bound.filter((fact) => !claimed.some((pattern) => pattern.test(fact)))).to.deep.equal([]);
  });

  it('has rank 0, of which the trace is, beside each mean', () => {
    expect(rows.filter(({ rank0 }) => rank0 === undefined).map(({ id }) => id)).to.deep.equal([]);
  });
});
