import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removedAtExit } from './cleanup.mjs';
import { Run, divergence, faultless, folderProblem, kernelsOf, left, small, stallSeconds } from './runs.mjs';

const SCENARIOS = ['train', 'prefill', 'decode'];
/** As many operations are drawn of, and counted round where a rank has fewer. */
const MOST_OPERATIONS = 40;
/** How far into a run a signal comes at the latest, in times that a run without one has taken: some come too late. */
const LATEST = 1.1;

/** A rank is killed at an operation: it is named, and what the others did until then is what they do without it. */
export async function killedRank(random, folder) {
  const scenario = random.of(SCENARIOS);
  const whole = await faultless(scenario, folder);
  const fault = { rank: random.below(4), operation: random.below(MOST_OPERATIONS) % whole.operations, kind: 'kill' };
  const run = new Run(join(folder, 'out'), [...small(scenario), '--set', `faults=${JSON.stringify([fault])}`]);
  const { code } = await run.end;
  const where = `${scenario}, ${JSON.stringify(fault)}: `;
  if (code !== 3) return `${where}it ended with ${code}: ${run.stderr}`;
  if (!run.stderr.includes(`rank ${fault.rank} (pid`)) return `${where}another is named: ${run.stderr}`;
  const problem = folderProblem(run.folder, { status: 'failed' }) ?? divergence(whole.kernels, kernelsOf(run.folder));
  return problem === undefined ? undefined : where + problem;
}

/** A rank is stopped at an operation: it is named with exit code 4. */
export async function stoppedRank(random, folder) {
  const scenario = random.of(SCENARIOS);
  const whole = await faultless(scenario, folder);
  const fault = { rank: random.below(4), operation: random.below(MOST_OPERATIONS) % whole.operations, kind: 'stop' };
  const settings = [
    '--set',
    `faults=${JSON.stringify([fault])}`,
    '--set',
    `stallTimeoutSeconds=${stallSeconds(whole)}`,
  ];
  const run = new Run(join(folder, 'out'), [...small(scenario), ...settings]);
  const { code } = await run.end;
  const where = `${scenario}, ${JSON.stringify(fault)}: `;
  if (code !== 4 || !run.stderr.includes(`silent is rank ${fault.rank} (pid`)) return `${where}${code}: ${run.stderr}`;
  const problem = folderProblem(run.folder, { status: 'failed' }) ?? divergence(whole.kernels, kernelsOf(run.folder));
  return problem === undefined ? undefined : where + problem;
}

/** @returns a run, and its workers, at some moment of it. */
async function atSomeMoment(random, folder) {
  const scenario = random.of(SCENARIOS);
  const { ms } = await faultless(scenario, folder);
  const run = new Run(join(folder, 'out'), small(scenario));
  const wait = Math.round((random.below(1000) / 1000) * LATEST * ms);
  await Promise.race([delay(wait), run.end]);
  return { run, wait, workers: run.workers(), over: run.ended };
}

/** The process that coordinates is killed: nobody is left, and what is there is whole and says that it is not all. */
export async function killedCoordinator(random, folder) {
  const { run, wait, workers, over } = await atSomeMoment(random, folder);
  run.child.kill('SIGKILL');
  await run.end;
  const remaining = await left(workers);
  if (remaining.length > 0) return `after ${wait} ms: workers ${remaining.join(', ')} are left`;
  const problem = folderProblem(run.folder, { status: over ? 'ok' : undefined, partials: true });
  return problem === undefined ? undefined : `after ${wait} ms: ${problem}`;
}

/** A signal asks for the end: exit code, whole files, nobody left. */
export async function interrupted(random, folder) {
  const signal = random.of(['SIGINT', 'SIGTERM']);
  const { run, wait, workers } = await atSomeMoment(random, folder);
  run.child.kill(signal);
  const { code, signal: by } = await run.end;
  const where = `${signal} after ${wait} ms: `;
  const remaining = await left(workers);
  if (remaining.length > 0) return `${where}workers ${remaining.join(', ')} are left`;
  // Before the command listens to signals one ends it as it does any program.
  if (by === signal) return folderProblem(run.folder, {});
  const expected = code === 0 ? 'ok' : 'failed';
  if (![0, signal === 'SIGINT' ? 130 : 143].includes(code)) return `${where}it ended with ${code}: ${run.stderr}`;
  const problem = folderProblem(run.folder, { status: expected });
  return problem === undefined ? undefined : where + problem;
}

/** The disk is full at some point: exit code 1, a sentence, and what is there is whole and marked. */
export async function fullDisk(random, folder) {
  if (process.getuid?.() !== 0) return 'skipped: only root can mount a small disk';
  const disk = join(folder, 'disk');
  const kilobytes = 60 + random.below(1100);
  mkdirSync(disk, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', disk]);
  // Lazily: a run that is killed with this process may still be there.
  const unmounted = removedAtExit(() => execFileSync('umount', ['--lazy', disk]));
  try {
    const run = new Run(join(disk, 'out'), small('decode', { ranks: 8, layers: 4, 'ranks-per-worker': 4 }));
    const { code } = await run.end;
    const where = `${kilobytes} kB: `;
    if (code !== 0 && !/ENOSPC|no space/.test(run.stderr)) return `${where}it ended with ${code}: ${run.stderr}`;
    const problem = folderProblem(run.folder, { status: code === 0 ? 'ok' : 'failed' });
    return problem === undefined ? undefined : where + problem;
  } finally {
    unmounted();
  }
}
