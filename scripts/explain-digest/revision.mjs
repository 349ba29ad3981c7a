import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ExplanationError } from './recorded-by.mjs';

/** What runs ranks in one process, and all that it needs. */
const PACKAGE = 'packages/experiments';

function git(...args) {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** The code of another revision, checked out and built in a temporary folder. */
export class Revision {
  /** @throws ExplanationError when there is no such revision, or it cannot be built. */
  static checkOut(name) {
    let commit;
    try {
      commit = git('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`);
    } catch {
      throw new ExplanationError(`${name} is no revision of this repository; name a commit, a branch or a tag`);
    }
    const folder = mkdtempSync(join(tmpdir(), 'epemu-revision-'));
    const revision = new Revision(folder, git('log', '-1', '--format=%h %s', commit));
    try {
      git('worktree', 'add', '--detach', '--quiet', folder, commit);
      revision.#build();
    } catch (error) {
      revision.remove();
      throw error;
    }
    return revision;
  }

  constructor(folder, title) {
    this.folder = folder;
    this.title = title;
    // An interrupt leaves no tree behind.
    this.onExit = () => this.remove();
    process.once('exit', this.onExit);
    for (const signal of ['SIGINT', 'SIGTERM'])
      process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
  }

  remove() {
    process.off('exit', this.onExit);
    rmSync(this.folder, { recursive: true, force: true });
    git('worktree', 'prune');
  }

  #build() {
    if (!existsSync(join(this.folder, PACKAGE))) {
      throw new ExplanationError(`${this.title} is from before ${PACKAGE}; name a later revision`);
    }
    this.#linkModules();
    const run = (...args) =>
      execFileSync(process.execPath, args, { cwd: this.folder, encoding: 'utf8', stdio: 'pipe' });
    try {
      run('scripts/build-kernel.mjs');
      run(join('node_modules', 'typescript', 'bin', 'tsc'), '-b', PACKAGE);
    } catch (error) {
      throw new ExplanationError(
        `${this.title} cannot be built: ${`${error.stdout}${error.stderr}`.trim().slice(0, 2000)}`,
      );
    }
  }

  /** Packages of others are those of the present tree; the project's own are the revision's. */
  #linkModules() {
    const present = resolve('node_modules');
    const modules = join(this.folder, 'node_modules');
    mkdirSync(join(modules, '@epemu'), { recursive: true });
    for (const name of readdirSync(present)) {
      if (name !== '@epemu') symlinkSync(join(present, name), join(modules, name));
    }
    for (const name of readdirSync(join(this.folder, 'packages'))) {
      symlinkSync(join(this.folder, 'packages', name), join(modules, '@epemu', name));
    }
  }
}
