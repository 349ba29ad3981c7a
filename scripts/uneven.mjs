// Runs what docs/uneven.md asks, and writes its tables and pictures: node scripts/uneven.mjs [question, default all]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

const EPEMU = 'packages/cli/bin/epemu.js';
const DOCS = 'docs/uneven.md';
/** They move no virtual time. */
const CHEAP = ['--fabric', 'memory', '--payload', 'none', '--force', '--json'];
const folder = mkdtempSync(join(tmpdir(), 'epemu-uneven-'));

function epemu(args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [EPEMU, ...args], {
    encoding: 'utf8',
    maxBuffer: 1e9,
  });
  if (status !== 0) throw new Error(`epemu ${args.join(' ')} failed: ${stderr}`);
  return stdout;
}

/** Runs a command line such as `decode --ranks 32`; each once. */
const reports = new Map();
function run(line) {
  let report = reports.get(line);
  if (report === undefined) {
    process.stderr.write(`epemu run ${line}\n`);
    report = JSON.parse(epemu(['run', ...line.split(' '), ...CHEAP, '--out', join(folder, 'run')]));
    reports.set(line, report);
  }
  return report;
}

/** Draws a layer of the run that was made last. */
function picture(name, line, ranks) {
  reports.delete(line);
  run(line);
  const out = `docs/images/uneven-${name}.svg`;
  epemu(['picture', join(folder, 'run'), '--ranks', ranks, '--theme', 'auto', '--out', out]);
  return `![One layer of ranks ${ranks}](images/uneven-${name}.svg)\n\n<sub>\`npx epemu run ${line}\`, \`npx epemu picture runs/… --ranks ${ranks}\`</sub>`;
}

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const command = (line) => `\`npx epemu run ${line}\``;
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const rankRatio = ({ imbalance }) => mean(imbalance.map(({ rankMaxOverMean }) => rankMaxOverMean)).toFixed(2);
const layerUs = ({ steady }) => steady.layerUs.mean;
const us = (value) => value.toFixed(0);
const perGpu = ({ throughput }) => throughput.tokensPerSecondPerGpu.toFixed(0);
const change = (report, than) => {
  const pct = ((100 * (report - than)) / than).toFixed(1);
  return Number(pct) === 0 ? 'none' : `${pct.replace('-', '−').replace(/^(?=\d)/, '+')} %`;
};

const LOADS = '--expert-loads examples/expert-loads.csv';

const QUESTIONS = {
  loads() {
    const lines = [32, 128].flatMap((ranks) => [`decode --ranks ${ranks}`, `decode --ranks ${ranks} ${LOADS}`]);
    const rows = lines.map((line, i) => {
      const [report, even] = [run(line), run(lines[i - (i % 2)])];
      return [
        command(line),
        rankRatio(report),
        us(layerUs(report)),
        change(layerUs(report), layerUs(even)),
        perGpu(report),
      ];
    });
    return [
      table(['run', 'fullest rank / mean', 'layer, µs', 'than balanced', 'tokens/s/GPU'], rows),
      picture('loads', lines[1], '0,3'),
    ];
  },
  eplb() {
    const shapes = [
      ...[16, 64, 256].map((tokens) => `decode --ranks 32 --tokens-per-microbatch ${tokens}`),
      ...['512,512', '2048,2048', '8192,8192'].map((lengths) => `prefill --ranks 32 --prompt-lengths ${lengths}`),
    ];
    const rows = shapes.map((shape) => {
      const [none, moved, placed] = ['', ' --eplb', ' --redundant-experts 32'].map((eplb) =>
        run(`${shape} ${LOADS}${eplb}`),
      );
      return [
        `\`${shape}\``,
        us(layerUs(none)),
        ...[moved, placed].flatMap((of) => [us(layerUs(of)), change(layerUs(of), layerUs(none)), rankRatio(of)]),
      ];
    });
    const head = [
      'work',
      'layer, µs',
      '`--eplb`, µs',
      'change',
      'fullest rank',
      '`--redundant-experts 32`, µs',
      'change',
    ];
    return [
      table([...head, 'fullest rank'], rows),
      picture('eplb', `prefill --ranks 32 --prompt-lengths 8192,8192 ${LOADS} --redundant-experts 32`, '0,3'),
    ];
  },
  nic() {
    const healthy = 'decode --ranks 128';
    const lines = [healthy, ...[0.75, 0.5, 0.25].map((share) => `${healthy} --slow-nic 3=${share}`)];
    lines.push(`${healthy} --slow-link 0-9=0.1`, `${healthy} --slow-link 0-9=0.01`, `${healthy} --slow-rank 5=1.3`);
    const rows = lines.map((line) => {
      const report = run(line);
      return [command(line), us(layerUs(report)), change(layerUs(report), layerUs(run(healthy))), perGpu(report)];
    });
    return [
      table(['run', 'layer, µs', 'than healthy', 'tokens/s/GPU'], rows),
      picture('nic', `${healthy} --slow-nic 3=0.25`, '0,3'),
    ];
  },
  kv() {
    const lines = ['', ' --kv-spread 1', ' --kv-lengths examples/kv-lengths.csv'].map(
      (work) => `decode --ranks 32 --tokens-per-microbatch 64${work}`,
    );
    const rows = lines.map((line) => {
      const report = run(line);
      return [command(line), us(layerUs(report)), change(layerUs(report), layerUs(run(lines[0]))), perGpu(report)];
    });
    const drawn = picture('kv', lines[2], '0,5');
    const { collectives, ranks } = JSON.parse(epemu(['analyze', join(folder, 'run'), '--json']));
    const waited = new Map();
    for (const { lastRank, meanWaitUs } of collectives) {
      waited.set(lastRank, (waited.get(lastRank) ?? 0) + meanWaitUs);
    }
    const total = [...waited.values()].reduce((sum, of) => sum + of, 0);
    const worst = [...waited].sort((a, b) => b[1] - a[1]).slice(0, 4);
    return [
      table(['run', 'layer, µs', 'than with equal lengths', 'tokens/s/GPU'], rows),
      `Of all waiting of the last run (each of ${ranks} ranks, at each collective, from its own arrival to the last one’s):`,
      table(
        ['waited for', 'µs a rank', 'share'],
        worst.map(([rank, of]) => [`rank ${rank}`, us(of), `${((100 * of) / total).toFixed(0)} %`]),
      ),
      drawn,
    ];
  },
  overlap() {
    const rows = [4, 8, 16, 32, 64, 128].map((tokens) => {
      const line = `decode --ranks 32 --tokens-per-microbatch ${tokens}`;
      const [full, none] = [run(line), run(`${line} --overlap none`)];
      const [a, b] = [full, none].map(({ throughput }) => throughput.tokensPerSecondPerGpu);
      return [
        String(2 * tokens),
        ...[full, none].map((of) => us(layerUs(of))),
        perGpu(full),
        perGpu(none),
        change(a, b),
      ];
    });
    return [
      table(
        ['tokens of a GPU', 'layer, µs', 'without overlap', 'tokens/s/GPU', 'without overlap', 'overlap brings'],
        rows,
      ),
      picture('overlap', 'decode --ranks 32 --tokens-per-microbatch 8', '0'),
    ];
  },
};

try {
  const asked = process.argv[2] === undefined ? Object.keys(QUESTIONS) : [process.argv[2]];
  for (const name of asked) {
    const text = QUESTIONS[name]().join('\n\n');
    const marked = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- /${name} -->)`);
    const page = readFileSync(DOCS, 'utf8').replace(marked, (_, before, after) => `${before}\n${text}\n\n${after}`);
    writeFileSync(DOCS, await format(page, { ...(await resolveConfig(DOCS)), parser: 'markdown' }));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
