import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { PROJECT, runCommand } from './support/commands.js';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

describe('the code', () => {
  // The tools that `npm run lint` runs one after the other.
  for (const tool of scripts['lint'].split(' && ')) {
    it(`passes ${tool.split(' ')[0]}`, async function () {
      // However long it takes: it waits for nothing.
      this.timeout(0);
      const { code, stdout, stderr } = await runCommand('bash', ['-c', tool], {}, PROJECT);
      expect(code, stdout + stderr).to.equal(0);
    });
  }
});
