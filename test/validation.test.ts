import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { validationMarkdown, verdictOf } from '@epemu/experiments';
import type { Validation } from '@epemu/experiments';
import { isMiss, publishedData } from '@epemu/published';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';
import { sharedValidation } from './support/validation.js';

/** What `./scripts/validate` writes, from dist-test. */
const FILE = fileURLToPath(new URL('../docs/validation.md', import.meta.url));

/** Groups with tolerances. */
const GROUPS = publishedData().groups.filter(({ name }) =>
  publishedData().figures.some(({ group, tolerance }) => group === name && tolerance !== undefined),
);

describe('the validation', () => {
  let validation: Validation;

  before(async function () {
    this.timeout(300_000);
    validation = await sharedValidation();
  });

  for (const { name, title } of GROUPS) {
    it(`is within every tolerance: ${title}`, () => {
      const rows = validation.groups.find((group) => group.name === name)!.rows;
      const outside = rows.filter(isMiss).map(({ id, published, emulated }) => `${id}: ${published}, not ${emulated}`);
      expect(outside).to.deep.equal([]);
    });
  }

  it('is the one that docs/validation.md holds: run ./scripts/validate', () => {
    const written = readFileSync(FILE, 'utf8');
    expect(written === validationMarkdown(validation), 'docs/validation.md is stale; run ./scripts/validate').to.equal(
      true,
    );
  });

  it('says nothing of when and where it was made', () => {
    const text = validationMarkdown(validation);
    expect(text).not.to.match(/20\d\d-\d\d-\d\dT|\bseconds\b|\bhost\b.*\d s/);
    expect(text).not.to.include(process.cwd());
    expect(text).to.include(verdictOf(validation));
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
