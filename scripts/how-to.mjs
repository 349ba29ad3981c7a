// Writes docs/how-to.md: runs every command that it shows and keeps what it printed: node scripts/how-to.mjs
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { format } from 'prettier';

const EPEMU = resolve('packages/cli/bin/epemu.js');
const PAGE = 'docs/how-to.md';

/**
 * A question, the commands that answer it, which lines of the last command's output are the answer, and how to read them.
 * `exit` is the code that the last command ends with.
 */
const QUESTIONS = [
  {
    question: 'What would NICs of 25, 50 or 100 GB/s do to a decode?',
    commands: ['epemu sweep decode --over nic=25,50,100'],
    answer: 'A slower NIC shows as exposed time; what a faster one brings ends where all communication is hidden.',
  },
  {
    question: 'Kimi K2 on H200: EP32 or EP128?',
    commands: ['epemu sweep decode --model kimi-k2 --hardware h200 --over ep=32,128 --over batch=32,64'],
    answer:
      'More ranks hold fewer experts each, so that a GPU reads fewer weights a step and has room for longer KV caches.',
  },
  {
    question: 'Does overlapping two micro-batches pay at 32 tokens a GPU?',
    commands: ['epemu sweep decode --ranks 32 --over overlap=full,none --over batch=16,64,128'],
    answer:
      'A micro-batch of 16 is 32 tokens of a GPU, whether they overlap or not: each half reads all weights again, and a small batch loses.',
  },
  {
    question: 'What does one slow rank cost, and does anybody notice?',
    commands: [
      'epemu run decode --ranks 32 --slow-rank 5=1.3 --fabric memory --payload none --out slow',
      'epemu analyze slow --json',
    ],
    show: (text) => {
      const { stragglers, steady } = JSON.parse(text);
      const named = stragglers.filter(({ straggler }) => straggler);
      return JSON.stringify({ layerUs: steady.layerUs?.mean, stragglers: named }, null, 2);
    },
    answer:
      'All wait for it in every layer; the analysis names it from the traces alone, as `epemu run` does in its last words.',
  },
  {
    question: 'A hot expert, with and without EPLB?',
    commands: ['epemu sweep skew-eplb'],
    answer: 'Replicas even out rows; where few tokens come, one more expert to read costs more than it brings.',
  },
  {
    question: 'How many SMs should communication have in a prefill?',
    commands: ['epemu sweep sms'],
    answer: 'Too few hold up the other micro-batch, too many are missing to computation: there is a valley.',
  },
  {
    question: 'How does a schedule of my own do?',
    commands: ['epemu run examples/two-stage-pipeline.yaml --fabric memory --out own'],
    show: (text) =>
      text
        .split('\n')
        .filter((line) => /^(span|layer|overlap|exposed|numerics|digest)/.test(line))
        .join('\n'),
    answer:
      'Tokens are really moved and compared with the plain model: a schedule that drops or doubles work is refused, or fails. `docs/scenarios.md` says how to write one.',
  },
  {
    question: 'What is the best batch under 50 ms a token?',
    commands: ['epemu tune decode --hardware h200 --maximize throughput --under tpot=50ms --over batch=4..256:4'],
    answer: 'The search shows the curve that it looked at; the last line is the answer.',
  },
  {
    question: 'Qwen3 on B200?',
    commands: ['epemu sweep decode --model qwen3-235b-a22b --hardware b200 --over ep=8,16,32 --over batch=32,128'],
    answer:
      'B200 rates are fitted to measured rows, shapes follow from the model; `epemu presets b200` has the source of each value.',
  },
  {
    question: 'A figure for a slide?',
    commands: [
      'epemu run decode --ranks 16 --fabric memory --payload none --out slide',
      'epemu picture slide --ranks 0-1 --out layer.svg',
    ],
    picture: 'layer.svg',
    answer: 'SVG or PNG, self-contained, light or dark (`--theme`): `docs/pictures.md`.',
  },
  {
    question: 'Where is communication exposed, and what would help?',
    commands: [
      'epemu run decode --ranks 16 --tokens-per-microbatch 64 --fabric memory --payload none --out exposed',
      'epemu advise exposed',
    ],
    answer: 'Every line was emulated before it was said; what does not help is not there.',
  },
  {
    question: 'How do I fail CI when more than 5 % is exposed?',
    commands: [
      "epemu run decode --ranks 16 --tokens-per-microbatch 64 --fabric memory --payload none --require 'exposed<=5%' --out budget",
    ],
    exit: 5,
    show: (text) =>
      text
        .split('\n')
        .filter((line) => /exposed.*(<=|≤)|not met|requirement/i.test(line))
        .join('\n'),
    answer: 'Exit code 5 where a requirement does not hold; `--junit` and `--github` say it to CI (`docs/budgets.md`).',
  },
];

/** Runs a command as a user types it, in a folder. @returns its exit code and what it printed. */
function run(command, folder) {
  const args = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain).slice(1);
  return new Promise((done) => {
    const options = { cwd: folder, env: { ...process.env, COLUMNS: '100', NO_COLOR: '1' }, maxBuffer: 1 << 28 };
    execFile(process.execPath, [EPEMU, ...args], options, (error, stdout, stderr) =>
      done({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

const parts = [
  '# How to',
  'Twelve everyday questions, the command that answers each, and what it printed: `node scripts/how-to.mjs` runs them and writes this page. Host times and file names of your own differ; virtual times do not.',
];
const folder = await mkdtemp(join(tmpdir(), 'epemu-how-to-'));
for (const { question, commands, show = (text) => text, exit = 0, picture, answer } of QUESTIONS) {
  console.log(question);
  let last;
  for (const command of commands) {
    const line = command.startsWith('epemu run examples') ? command.replace('examples', resolve('examples')) : command;
    last = await run(line, folder);
    const due = command === commands.at(-1) ? exit : 0;
    if (last.code !== due) throw new Error(`${command} ended with ${last.code}: ${last.stderr}`);
  }
  parts.push(`## ${question}`, `\`\`\`console\n${commands.map((command) => `npx ${command}`).join('\n')}\n\`\`\``);
  if (picture !== undefined) {
    await copyFile(join(folder, picture), `docs/images/how-to-${picture}`);
    parts.push(`![${question}](images/how-to-${picture})`, answer);
    continue;
  }
  const shown = show(last.stdout)
    .replaceAll(`${folder}/`, '')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();
  if (shown === '') throw new Error(`${commands.at(-1)} printed nothing that answers: ${question}`);
  parts.push(`\`\`\`text\n${shown}\n\`\`\``, answer);
}
await rm(folder, { recursive: true });
await writeFile(PAGE, await format(`${parts.join('\n\n')}\n`, { parser: 'markdown', printWidth: 120 }));
