import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';

/** What runs in trials: another build is another program, whose trials are not counted together. */
const BUILT = ['packages/cli/dist/main.bundle.cjs', 'packages/cluster/dist/worker.bundle.cjs'];

/** @returns what tells builds apart. */
function buildOf() {
  const hash = createHash('sha256');
  for (const path of BUILT) hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}

/** @returns the trial of a line. @throws when it is none: the file is another program's, say. */
function parsed(line, path, number) {
  let trial;
  try {
    trial = JSON.parse(line);
  } catch {
    // Told below.
  }
  if (typeof trial?.kind === 'string' && typeof trial.build === 'string') return trial;
  throw new Error(`--state is ${path}, whose line ${number} is no trial; name another file`);
}

/** Trials that have run, a line of JSON each in a file, so that a later call goes on where one has ended. */
export class TrialState {
  #path;
  #build = buildOf();
  /** By kind: the trials of the build that ran it last. */
  #trials = new Map();

  /** @param path undefined keeps them in memory. */
  constructor(path) {
    this.#path = path;
    if (path === undefined || !existsSync(path)) return;
    const text = readFileSync(path, 'utf8');
    const end = text.lastIndexOf('\n') + 1;
    for (const [i, line] of text.slice(0, end).split('\n').entries())
      if (line !== '') this.#note(parsed(line, path, i + 1));
    if (end === 0 && text !== '') parsed(text, path, 1);
    // A call that was killed leaves the beginning of a line.
    if (end < text.length) truncateSync(path, end);
  }

  /** @returns whether this build has run a trial. */
  has(kind, seed, trial) {
    return this.trialsOf(kind).some((one) => one.build === this.#build && one.seed === seed && one.trial === trial);
  }

  /** @returns the trials of a kind that ran, all of one build. */
  trialsOf(kind) {
    return this.#trials.get(kind) ?? [];
  }

  add(trial) {
    const noted = { build: this.#build, ...trial };
    this.#note(noted);
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(noted)}\n`);
  }

  #note(trial) {
    const before = this.trialsOf(trial.kind);
    this.#trials.set(trial.kind, before[0]?.build === trial.build ? [...before, trial] : [trial]);
  }
}
