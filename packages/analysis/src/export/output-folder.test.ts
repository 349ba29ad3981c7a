import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { madeSet, withFolder } from './made-set.test-helper.js';
import { prepareExportFolder } from './output-folder.js';
import { writeCsv } from './write-csv.js';

describe('the folder of an export', () => {
  it('is made with those above it and may be made again', () =>
    withFolder((folder) => {
      const out = join(folder, 'a', 'b');
      expect(prepareExportFolder('--csv', out)).to.equal(out);
      expect(prepareExportFolder('--csv', out)).to.equal(out);
      expect(existsSync(out)).to.equal(true);
      return Promise.resolve();
    }));

  it('that is a file is refused with flag, value and remedy', () =>
    withFolder((folder) => {
      const out = join(folder, 'file');
      writeFileSync(out, '');
      const message = `--chakra is ${out}, which is a file; name a folder`;
      expect(() => prepareExportFolder('--chakra', out)).to.throw(BadInputError, message);
      return Promise.resolve();
    }));

  it('below a file, or where nothing can be made, is refused', () =>
    withFolder((folder) => {
      writeFileSync(join(folder, 'file'), '');
      for (const out of [join(folder, 'file', 'out'), '/proc/out']) {
        expect(() => prepareExportFolder('--csv', out)).to.throw(
          BadInputError,
          /^--csv is .*, which cannot be written \(.+\); name another folder$/,
        );
      }
      return Promise.resolve();
    }));

  it('that holds something is refused before anything is written', () =>
    withFolder(async (folder) => {
      const out = join(folder, 'full');
      mkdirSync(out);
      writeFileSync(join(out, 'kept.txt'), 'kept');
      const made = madeSet(2, [{ kind: 'compute', ns: [1000, 1000] }]);
      const failure = await writeCsv(made, out).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(BadInputError);
      expect((failure as BadInputError).message).to.equal(
        `--csv is ${out}, which is not empty; name another folder or empty it`,
      );
      expect(readdirSync(out)).to.deep.equal(['kept.txt']);
    }));
});
