import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TestNetwork } from '../../dist-test/support/network-namespaces.js';
import { removedAtExit } from './cleanup.mjs';
import { CLI, divergence, faultless, folderProblem, kernelsOf, remove, small, stallSeconds } from './runs.mjs';

const SCENARIOS = ['train', 'prefill', 'decode'];
const KINDS = [
  'a host is cut off',
  'two hosts are kept apart',
  'all hosts are cut off',
  'a host is cut off for a while',
];
const TOKEN = { EPEMU_TOKEN: 'of this network' };
/** Rows a second: so that a run is under way for longer than it takes to cut something. */
const PACE = 1.5;
/** When something is cut at the latest, after all workers have their ranks, ms. */
const LATEST_MS = 2500;
const WHILE_MS = 1000;
/** No process is left after so many times of a stall: workers without a coordinator give up after two. */
const STALLS_TO_END = 10;
const GONE_MS = 3000;

/**
 * A network is cut while a run is under way on three hosts: who is lost is named by the coordinator and by who is still
 * there, everybody ends, and what the ranks did is the beginning of what they do without it; one that is mended costs nothing.
 */
export async function partition(random, folder) {
  if (!TestNetwork.possible) return 'skipped: needs root, iproute2 and unshare';
  const scenario = random.of(SCENARIOS);
  const kind = random.of(KINDS);
  const wait = random.below(LATEST_MS);
  const whole = await faultless(scenario, folder);
  const out = join(folder, 'out');
  remove(out);
  const network = TestNetwork.make([0, 0, 0]);
  const removed = removedAtExit(() => network.remove());
  try {
    const problem = await runCut(network, { scenario, kind, wait, whole, out });
    return problem === undefined ? undefined : `${scenario}, ${kind} after ${wait} ms: ${problem}`;
  } finally {
    removed();
  }
}

async function runCut(network, { scenario, kind, wait, whole, out }) {
  const [first, ...others] = network.hosts;
  const settings = ['--pace', String(PACE), '--set', `stallTimeoutSeconds=${stallSeconds(whole)}`, '--host', '0.0.0.0'];
  const coordinator = network.start(first, [CLI, 'coordinator', ...small(scenario), ...settings, '--out', out], TOKEN);
  const worker = [CLI, 'worker', '--coordinator', `ws://${first.address}:7077`];
  const workers = others.flatMap((host) => [0, 1].map(() => ({ host, ...network.start(host, worker, TOKEN) })));
  await Promise.all(workers.map(({ child, end }) => Promise.race([said(child, /holds rank/), end])));
  await Promise.race([delay(wait), coordinator.end]);
  const cut = KINDS.indexOf(kind) === 2 ? others : others.slice(1);
  if (kind === KINDS[1]) network.isolate(others);
  else for (const host of cut) network.setLink(host, 'down');
  if (kind === KINDS[3]) {
    await delay(WHILE_MS);
    network.setLink(others[1], 'up');
  }
  const ends = [coordinator, ...workers].map(({ end }) =>
    Promise.race([end, delay(STALLS_TO_END * 1000 * stallSeconds(whole), undefined, { ref: false })]),
  );
  const [ended, ...left] = await Promise.all(ends);
  if ([ended, ...left].includes(undefined)) return 'a process has not ended';
  const remaining = await leftOn(network);
  if (remaining.length > 0) return `processes ${remaining.join(', ')} are left`;
  return problemOf(
    { kind, cut, whole, out },
    ended,
    workers.map(({ host }, i) => ({ host, ...left[i] })),
  );
}

function problemOf({ kind, cut, whole, out }, { code, stderr }, workers) {
  const all = () =>
    [stderr, ...workers.map((worker) => `${worker.host.name}, ${worker.code}: ${worker.stderr}`)].join('\n');
  if (code === 0) {
    // It was over before, or mended; then workers that are cut off may not have heard so.
    const { digest } = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
    if (digest !== whole.digest) return `its digest is ${digest}, not ${whole.digest}`;
    const strange = workers.some((worker) => worker.code !== 0 && (kind === KINDS[3] || !cut.includes(worker.host)));
    return strange ? `a worker failed in a run that went well: ${all()}` : folderProblem(out, { status: 'ok' });
  }
  // Two that are kept apart while they connect are told as such, with a code of its own.
  const [codes, named] =
    kind === KINDS[1]
      ? [[3, 4], / do not hear each other| could not connect to each other/]
      : [[4], /silent is rank|does not answer while workers connect/];
  if (!codes.includes(code) || kind === KINDS[3]) return `it ended with ${code}: ${all()}`;
  if (!named.test(stderr)) return `nobody that was lost is named: ${all()}`;
  for (const worker of workers) {
    const hears = kind === KINDS[1] || !cut.includes(worker.host);
    const expected = hears ? [code, named] : [1, /the coordinator at \S+ has been silent for \d+ s/];
    if (worker.code !== expected[0] || !expected[1].test(worker.stderr))
      return `a worker says something else: ${all()}`;
  }
  return folderProblem(out, { status: 'failed' }) ?? divergence(whole.kernels, kernelsOf(out));
}

/** Waits until a process has said something. */
function said(child, pattern) {
  let text = '';
  return new Promise((resolve) => {
    child.stderr.on('data', (more) => {
      text += more;
      if (pattern.test(text)) resolve();
    });
  });
}

async function leftOn(network) {
  const alive = () => network.hosts.flatMap((host) => network.left(host));
  for (let waited = 0; alive().length > 0 && waited < GONE_MS; waited += 50) await delay(50);
  return alive();
}
