import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const open = new Set<TemporaryFolder>();

// A test file that mocha loads without running its tests has no `after`.
process.once('exit', () => {
  for (const folder of open) folder.remove();
});

/** A temporary folder that hands out names of folders that are not there yet. */
export class TemporaryFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'epemu-test-'));
  #next = 0;

  constructor() {
    open.add(this);
  }

  /** @returns a path inside that nothing has yet. */
  fresh(name = 'out'): string {
    return join(this.path, `${name}-${this.#next++}`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    open.delete(this);
  }
}
