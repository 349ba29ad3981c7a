import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { closest } from './explain.js';
import { resolveConfiguration } from './resolve.js';
import type { ConfigurationSources } from './resolve.js';

describe('closest', () => {
  it('finds every word again after up to 3 letters are lost', () => {
    const word = fc.string({ minLength: 4, maxLength: 12, unit: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(word, fc.integer({ min: 0, max: 3 }), (text, lost) => {
        expect(closest(text.slice(lost), [text, 'xxxxxxxxxxxxxxxxxxxxxxxx'])).to.equal(text);
      }),
    );
  });
});

describe('bad sources', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'epemu-bad-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** @returns what resolving is refused with; a text with a line break is the content of a scenario file. */
  function refusal(sources: ConfigurationSources & { readonly scenario: string }): string {
    const path = join(folder, 'bad.yaml');
    const isText = sources.scenario.includes('\n');
    if (isText) writeFileSync(path, sources.scenario);
    try {
      resolveConfiguration({ ...sources, scenario: isText ? path : sources.scenario });
    } catch (error) {
      if (error instanceof BadInputError) return error.message.replace(path, 'FILE');
      throw error;
    }
    throw new Error('nothing was refused');
  }

  it('name the line of a key that is given twice', () => {
    expect(refusal({ scenario: 'ranks: 8\nseed: 1\n\nranks: 16\n' })).to.match(/^FILE, line 4: Map keys must be uniq/);
  });

  it('suggest a key for a misspelt one rather than complain that the right one is missing', () => {
    const about = "is not a key of a run's configuration; did you mean";
    expect(refusal({ scenario: 'scenario: decode\nslowRanks: [{ rank: 1, factr: 2 }]\n' })).to.equal(
      `slowRanks.0.factr ${about} factor?`,
    );
  });

  it('list the keys where none is close', () => {
    expect(refusal({ scenario: 'scenario: decode\npayload: { colour: 1 }\n' })).to.equal(
      "payload.colour is not a key of a run's configuration; known keys are kind, hidden",
    );
  });

  it('name the scenarios there are where a file names another and brings no schedule', () => {
    expect(refusal({ scenario: 'scenario: inference\n\n' })).to.equal(
      'scenario is "inference"; name one of decode, prefill, train, or give a schedule',
    );
  });

  it('name variable values that do not fit by the key they set', () => {
    expect(refusal({ scenario: 'decode', environment: { EPEMU_RANKS: 'many' } })).to.equal(
      'ranks is "many", but it must be of type number',
    );
  });
});
