import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { EXIT_CODE } from '@epemu/core';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

/** Commands that read a file, by what stands for it. */
const READERS: readonly (readonly string[])[] = [
  ['run', 'FILE', '--dry-run'],
  ['run', '--hardware', 'FILE', '--dry-run'],
  ['run', '--model', 'FILE', '--dry-run'],
  ['analyze', 'FILE'],
  ['compare', 'FILE', 'FILE'],
  ['calibrate', 'FILE'],
  ['calibrate', 'FILE', '--base', 'FILE'],
  ['trace', 'lint', 'FILE'],
  ['replay', 'FILE'],
  ['open', 'FILE', '--no-browser', '--timeout', '3'],
  ['coordinator', '--token-file', 'FILE'],
  ['worker', '--coordinator', 'ws://127.0.0.1:9', '--token-file', 'FILE'],
];

describe('what is no regular file', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  for (const [kind, special] of [
    ['a pipe that nobody writes to', './pipe'],
    ['a device without an end', '/dev/zero'],
  ] as const) {
    it(`is refused by every command that reads one: ${kind}`, async () => {
      const folder = temporary.fresh();
      mkdirSync(folder);
      execFileSync('mkfifo', [join(folder, 'pipe')]);
      for (const reader of READERS) {
        const args = reader.map((arg) => (arg === 'FILE' ? special : arg));
        const { code, stderr } = await runCli(args, {}, folder);
        expect(code, `${args.join(' ')}: ${stderr}`).to.equal(EXIT_CODE.badInput);
        expect(stderr, args.join(' ')).to.include(special).and.include('only regular files are read');
        expect(stderr.trim().split('\n')).to.have.length(1);
      }
    });
  }
});
