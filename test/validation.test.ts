import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { validate, validationMarkdown, verdictOf } from '@epemu/experiments';
import type { Validation } from '@epemu/experiments';
import { isMiss, publishedData } from '@epemu/published';
import type { CalibrationRow } from '@epemu/published';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

/** What `./scripts/validate` writes, from dist-test. */
const FILE = fileURLToPath(new URL('../docs/validation.md', import.meta.url));

/** Groups with tolerances. */
const GROUPS = publishedData().groups.filter(({ name }) =>
  publishedData().figures.some(({ group, tolerance }) => group === name && tolerance !== undefined),
);

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

describe('what is published', () => {
  let validation: Validation;
  // Made once for all that is claimed of it: it takes a minute.
  before(async () => {
    validation = await validate();
  });

  describe('the validation', () => {
    for (const { name, title } of GROUPS) {
      it(`is within every tolerance: ${title}`, () => {
        const rows = validation.groups.find((group) => group.name === name)!.rows;
        const outside = rows
          .filter(isMiss)
          .map(({ id, published, emulated }) => `${id}: ${published}, not ${emulated}`);
        expect(outside).to.deep.equal([]);
      });
    }

    it('is the one that docs/validation.md holds: run ./scripts/validate', () => {
      const written = readFileSync(FILE, 'utf8');
      expect(
        written === validationMarkdown(validation),
        'docs/validation.md is stale; run ./scripts/validate',
      ).to.equal(true);
    });

    it('says nothing of when and where it was made', () => {
      const text = validationMarkdown(validation);
      expect(text).not.to.match(/20\d\d-\d\d-\d\dT|\bseconds\b|\bhost\b.*\d s/);
      expect(text).not.to.include(process.cwd());
      expect(text).to.include(verdictOf(validation));
    });
  });

  describe('the training scenario at its published size, mean over ranks', () => {
    let rows: readonly CalibrationRow[];

    before(() => {
      rows = validation.groups.find(({ name }) => name === 'train')!.rows;
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
});

describe('epemu validate', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  it('refuses what it does not know, and a file that it cannot write, before it starts', async () => {
    const unknown = await runCli(['validate', '--nonsense']);
    expect(unknown.code).to.equal(2);
    expect(unknown.stderr).to.include("unknown option '--nonsense'");
    const file = join(temporary.path, 'missing', 'validation.md');
    const unwritable = await runCli(['validate', '--out', file]);
    expect(unwritable.code).to.equal(2);
    expect(unwritable.stderr.trim().split('\n')).to.have.lengthOf(1);
    expect(unwritable.stderr).to.include(`--out ${file} cannot be written`);
  });
});
