// Measures speed and memory, each figure beside a raw limit measured in the same run: node scripts/bench.mjs [--demo]
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip, gunzipSync } from 'node:zlib';
import Table from 'cli-table3';
import { WebSocket, WebSocketServer } from 'ws';

const EPEMU = 'packages/cli/bin/epemu.js';
const folder = mkdtempSync(join(tmpdir(), 'epemu-bench-'));
const zeroMask = (mask) => mask.fill(0);

/** Seconds that a command takes; rejects when it fails. */
function seconds(command, args, options = {}) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options });
    child.once('close', (code) =>
      code === 0
        ? resolve((performance.now() - began) / 1000)
        : reject(new Error(`${args.join(' ')} ended with ${code}`)),
    );
  });
}

/** Runs epemu and returns its report. */
async function run(name, ...args) {
  const out = join(folder, name);
  await seconds(process.execPath, [EPEMU, 'run', ...args, '--out', out, '--force']);
  return JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
}

/** Bare ws: seconds to send `frames` frames of `bytes` bytes to another process and hear that the last has come. */
async function bareFrames(frames, bytes) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), '--sink', String(frames)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise((resolve) => child.stdout.once('data', (text) => resolve(Number(text))));
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false, generateMask: zeroMask });
  await new Promise((resolve) => socket.once('open', resolve));
  const frame = Buffer.alloc(bytes, 7);
  const began = performance.now();
  const done = new Promise((resolve) => socket.once('message', resolve));
  for (let i = 0; i < frames; i++) {
    socket.send(frame);
    while (socket.bufferedAmount > 8 << 20) await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  const took = (performance.now() - began) / 1000;
  socket.terminate();
  child.kill();
  return took;
}

/** The other end of `bareFrames`, in a process of its own. */
function sink(frames) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, maxPayload: 1 << 30 });
  server.on('listening', () => console.log(server.address().port));
  server.on('connection', (socket) => {
    let left = frames;
    socket.on('message', () => {
      if (--left === 0) socket.send('done');
    });
  });
}

/** Bare gzip: seconds to stream the text of a run's merged trace, already in memory, through level 1. */
async function bareGzip(run) {
  const text = gunzipSync(readFileSync(join(folder, run, 'trace.json.gz')));
  const chunks = function* () {
    for (let at = 0; at < text.length; at += 1 << 18) yield text.subarray(at, at + (1 << 18));
  };
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const began = performance.now();
  await pipeline(Readable.from(chunks()), createGzip({ level: 1 }), nowhere);
  return { seconds: (performance.now() - began) / 1000, bytes: text.length };
}

/** Seconds that all kernels of a run take to be timed by the cost model, as its ranks do it. */
async function costModelSeconds(scenario) {
  const { catalogueOf, microBatchesOf, resolveConfiguration } = await import('../packages/config/dist/index.js');
  const { evenWork } = await import('../packages/kernels/dist/index.js');
  const { buildProgram } = await import('../packages/schedule/dist/index.js');
  const configuration = resolveConfiguration({ scenario });
  const { operations } = buildProgram(configuration);
  const batches = microBatchesOf(configuration);
  const { ranks, schedule } = configuration;
  const began = performance.now();
  let totalNs = 0;
  for (let rank = 0; rank < ranks; rank++) {
    const catalogue = catalogueOf(configuration);
    for (const { list, microBatch } of operations) {
      const { tokens, attentionPairs } = batches[microBatch];
      const sizes = catalogue.sizesOf(evenWork(catalogue.sizes, tokens, attentionPairs));
      for (const kernel of catalogue.kernels(list)) totalNs += kernel.durationNs(sizes, schedule.computeSms);
    }
  }
  if (!(totalNs > 0)) throw new Error('the cost model gave no time');
  return (performance.now() - began) / 1000;
}

/** The published training trace, where the reference data lies beside the project. */
const PUBLISHED = '../shared/reference/train/train.json';

/** Writes copies of the published trace, each as another rank. */
function copiesOfPublished(name, copies) {
  const out = join(folder, name);
  mkdirSync(out);
  const text = readFileSync(PUBLISHED, 'utf8');
  for (let rank = 0; rank < copies; rank++) {
    writeFileSync(join(out, `rank-${rank}.json`), text.replace(/"rank":\s*0/, `"rank": ${rank}`));
  }
  return { out, bytes: copies * text.length };
}

/** Analyses a folder in a process of its own: seconds and the most memory it had. */
async function analysed(out) {
  const script = `
    const { analyze } = await import(${JSON.stringify(new URL('../packages/analysis/dist/index.js', import.meta.url).href)});
    const began = performance.now();
    await analyze([process.argv[1]]);
    console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000, megabytes: process.resourceUsage().maxRSS / 1e3 }));`;
  return JSON.parse(await output(['--input-type=module', '-e', script, out]));
}

/** Bare parsing: seconds to read the same files and JSON.parse each. */
async function bareParse(out) {
  const script = `
    const { readFileSync, readdirSync } = await import('node:fs');
    const began = performance.now();
    for (const name of readdirSync(process.argv[1])) JSON.parse(readFileSync(process.argv[1] + '/' + name, 'utf8'));
    console.log((performance.now() - began) / 1000);`;
  return Number(await output(['--input-type=module', '-e', script, out]));
}

/**
 * Runs 8 ranks in a process of their own, as a worker holds them, and scrapes them when all they recorded is new and then
 * again and again: CPU seconds of a scrape a second while the run goes on, the asking side's included.
 */
async function scrapeSeconds() {
  const module = (name) => JSON.stringify(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
  const script = `
    const { RunMetricsServer, runScenario } = await import(${module('cluster')});
    const { resolveConfiguration } = await import(${module('config')});
    const flags = { fabric: 'memory', ranks: 8, layers: 58, threads: 1 };
    const server = await RunMetricsServer.open({ host: '127.0.0.1', port: 0 });
    const scrape = async (times) => {
      const before = process.cpuUsage();
      for (let i = 0; i < times; i++) await (await fetch('http://' + server.target + '/metrics')).text();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1e6 / times;
    };
    // What asks must be loaded before it counts.
    await scrape(5);
    const { report } = await runScenario({
      configuration: resolveConfiguration({ scenario: 'decode', flags }),
      out: process.argv[1],
      onEvent: (event) => server.note(event),
      onLocalRanks: (ranks) => server.show(ranks),
    });
    // What merging left behind is no cost of scraping.
    globalThis.gc();
    const catchUp = await scrape(1);
    await scrape(50);
    const again = await scrape(300);
    await server.close();
    console.log(JSON.stringify({ catchUp, again, emulateSeconds: report.host.emulateSeconds }));`;
  const out = join(folder, 'scraped');
  const { catchUp, again, emulateSeconds } = JSON.parse(
    await output(['--expose-gc', '--input-type=module', '-e', script, out]),
  );
  return again + catchUp / Math.max(1, emulateSeconds);
}

/** What node prints when run with these arguments. */
function output(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (piece) => (text += piece));
    child.once('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`node ended with ${code}`))));
  });
}

/** Rows about analysis; none where the published trace is not to be had. */
async function analysisRows(row) {
  if (!existsSync(PUBLISHED)) {
    console.log(`analyze is not measured: ${PUBLISHED} is not there`);
    return;
  }
  for (const [copies, goal, memory] of [
    [64, '≤ 10.4 s (a fifth of HTA)', '≤ 400 MB'],
    [340, 'linear', ''],
  ]) {
    const { out, bytes } = copiesOfPublished(`copies-${copies}`, copies);
    const { seconds: took, megabytes } = await analysed(out);
    const raw = await bareParse(out);
    rmSync(out, { recursive: true });
    const what = `analyze ${copies} copies of the published trace, ${(bytes / 1e6).toFixed(0)} MB`;
    row(what, took, 's', goal, raw, 'bare JSON.parse of the same files');
    row('  most memory', megabytes, 'MB', memory);
  }
}

async function main() {
  const table = new Table({
    head: ['what', 'measured', 'goal', 'raw limit', 'ratio'],
    style: { head: [], border: [] },
  });
  const row = (what, measured, unit, goal, raw, rawWhat) =>
    table.push([
      what,
      `${measured.toFixed(2)} ${unit}`,
      goal,
      raw === undefined ? '' : `${raw.toFixed(2)} ${unit} (${rawWhat})`,
      raw === undefined ? '' : (measured / raw).toFixed(2),
    ]);

  const live = await run('live', 'decode');
  const frames = live.host.wireFrames;
  const bytes = Math.round(live.traffic.wireBytes / frames);
  // All frames cross one pair of processes here; a run's workers share the same cores.
  const bare = await bareFrames(frames, bytes);
  row(
    'live decode, 128 ranks, 4 layers',
    live.host.wallSeconds,
    's',
    '≤ 30 s',
    bare,
    `${frames} bare frames of ${bytes} B`,
  );

  const memory = await run('memory', 'decode', '--fabric', 'memory');
  row('memory fabric, the same', memory.host.wallSeconds, 's', '≤ 6 s', bare, 'the same frames');

  const train = await run('train', 'train', '--fabric', 'memory');
  for (const [scenario, report] of [
    ['decode', memory],
    ['train', train],
  ]) {
    const share = (100 * (await costModelSeconds(scenario))) / report.host.emulateSeconds;
    row(`cost model, share of a memory-fabric ${scenario}`, share, '%', '≤ 10 %');
  }
  const validated = await seconds(process.execPath, [EPEMU, 'validate']);
  row('validate, all published figures', validated, 's', '≤ 60 s');

  const bareStarts = await (async () => {
    const began = performance.now();
    await Promise.all(Array.from({ length: 16 }, () => seconds(process.execPath, ['-e', '0'])));
    return (performance.now() - began) / 1000;
  })();
  row('start-up of 16 workers', live.host.startupSeconds, 's', '≤ 3 s', bareStarts, '16 bare node processes');

  const [name, merged] =
    live.host.mergeSeconds < memory.host.mergeSeconds ? ['live', live.host] : ['memory', memory.host];
  const raw = await bareGzip(name);
  const rawRate = ((raw.bytes / raw.seconds) * merged.traceEvents) / merged.traceBytesUnpacked;
  const rate = merged.traceEvents / merged.mergeSeconds;
  row('merge, events gzipped', rate / 1000, 'k/s', '≥ 250 k/s', rawRate / 1000, 'bare gzip of the merged trace');

  const many = await run('single', 'decode', '--ranks-per-worker', '1', '--payload', 'none');
  row('128 single-rank processes, no payload', many.host.wallSeconds, 's', '', undefined);
  row('their start-up', many.host.startupSeconds, 's', '', bareStarts * 8, '128 bare node processes, scaled');
  row('coordinator memory, live decode', live.host.coordinatorPeakRssBytes / 1e6, 'MB', '≤ 300 MB');

  row('scraped every second, share of a core a rank', (100 * (await scrapeSeconds())) / 8, '%', '≤ 1 %');

  await analysisRows(row);

  if (process.argv.includes('--demo'))
    row('./scripts/demo after installation', await seconds('./scripts/demo', []), 's', '≤ 180 s');
  console.log(`${cpus().length} cores (${cpus()[0].model}), Node ${process.version}`);
  console.log(table.toString());
}

const at = process.argv.indexOf('--sink');
if (at > 0) sink(Number(process.argv[at + 1]));
else {
  try {
    await main();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
