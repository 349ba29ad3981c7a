// Explains why a digest has changed: runs a configuration by the code of another revision and by the present code, as it
// was last built, and prints which events differ.
//   node scripts/explain-digest.mjs decode               since the commit that last wrote test/golden.json
//   node scripts/explain-digest.mjs decode HEAD~3        since that revision
//   node scripts/explain-digest.mjs all                  each of the golden runs
//   node scripts/explain-digest.mjs mine.yaml --every    a file's; with a line for each event that has changed
// Ends with 0 when nothing differs, 1 when something does, 2 when it cannot be told.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { differenceLines } from '../dist-test/support/event-differences.js';
import { GOLDEN_CONFIGURATIONS } from '../dist-test/support/golden-configurations.js';
import { ExplanationError, recordedBy } from './explain-digest/recorded-by.mjs';
import { Revision } from './explain-digest/revision.mjs';

const GOLDEN = 'test/golden.json';

process.chdir(resolve(import.meta.dirname, '..'));

/** @returns sources of the configurations that are asked for, by name. */
function configurationsOf(name) {
  if (name === 'all') return Object.entries(GOLDEN_CONFIGURATIONS);
  const golden = GOLDEN_CONFIGURATIONS[name];
  if (golden !== undefined) return [[name, golden]];
  if (existsSync(name)) return [[name, { scenario: resolve(name), flags: { threads: 1, fabric: 'memory' } }]];
  const names = Object.keys(GOLDEN_CONFIGURATIONS).join(', ');
  throw new ExplanationError(`${name} is neither a file nor a golden run; name a file, all, or one of ${names}`);
}

/** @returns the revision whose code the golden digests are of. */
function lastGolden() {
  const revision = execFileSync('git', ['log', '-1', '--format=%H', '--', GOLDEN], { encoding: 'utf8' }).trim();
  if (revision === '') throw new ExplanationError(`no commit has ${GOLDEN}; name a revision to compare with`);
  return revision;
}

function explain(name, was, is, every) {
  if (was.refused !== undefined || is.refused !== undefined) {
    const [code, why] = was.refused === undefined ? ['the present code', is.refused] : ['that revision', was.refused];
    console.log(`${name}: ${code} does not run it: ${why}`);
    return true;
  }
  if (was.digest === is.digest) {
    console.log(`${name}: nothing has changed, the digest is ${is.digest}`);
    return false;
  }
  console.log(`${name}: ${was.digest} → ${is.digest}`);
  const lines = differenceLines(was.run, is.run, every);
  console.log(
    (lines.length === 0 ? ['what the digest is made of, or how, has changed: no event has'] : lines).join('\n'),
  );
  return true;
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { every: { type: 'boolean', default: false } },
  });
  const [name, revision] = positionals;
  if (name === undefined || positionals.length > 2) {
    throw new ExplanationError(
      'give a configuration and, if you like, a revision: explain-digest.mjs CONFIG [REF] [--every]',
    );
  }
  const configurations = configurationsOf(name);
  const other = Revision.checkOut(revision ?? lastGolden());
  try {
    console.log(`since ${other.title}`);
    let changed = false;
    for (const [each, sources] of configurations) {
      const was = recordedBy(other.folder, sources);
      changed = explain(each, was, recordedBy('.', sources), values.every) || changed;
    }
    process.exitCode = changed ? 1 : 0;
  } finally {
    other.remove();
  }
} catch (error) {
  if (!(error instanceof ExplanationError) && error.code?.startsWith('ERR_PARSE_ARGS') !== true) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
