import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ComputePool, sharedFloat32, sharedUint16, sharedUint32 } from '@epemu/compute';
import { deferred, messageOf } from '@epemu/core';
import { WebSocketFabric } from '@epemu/fabric';
import type { Receiver } from '@epemu/fabric';
import { bytesText, ok, problem, warning } from './check.js';
import type { Check } from './check.js';

const TOKENS = 64;
const HIDDEN = 128;
const SEED = 7;
const LAYER = 1;

/** Sends tokens through an expert in a compute thread, by the WebAssembly kernel, and compares with the plain reference. */
export async function probeCompute(): Promise<Check> {
  const name = 'compute';
  const pool = new ComputePool({ threads: 1, hidden: HIDDEN });
  try {
    const tokens = sharedFloat32(TOKENS * HIDDEN);
    await pool.initialise({ seed: SEED, kind: 'activation', firstToken: 0, output: tokens });
    const rowToken = sharedUint32(TOKENS);
    rowToken.set(Array.from({ length: TOKENS }, (_, row) => row));
    const weights = sharedFloat32(TOKENS).fill(1);
    const expertOffsets = sharedUint32(2);
    expertOffsets[1] = TOKENS;
    const partial = sharedFloat32(TOKENS * (HIDDEN + 1));
    const keys = [{ seed: SEED, layer: LAYER, kind: 'expert' as const, index: 0 }];
    await pool.expertForward({ keys, tokens, rowToken, rowWeight: weights, expertOffsets, partial });
    const checked = { seed: SEED, layer: LAYER, input: tokens, expertIds: sharedUint16(TOKENS), weights, topK: 1 };
    const { numerics } = await pool.checkForward({ ...checked, combined: partial });
    const { tokensChecked, missing, duplicated, wrong, maxRelativeError } = numerics;
    if (tokensChecked !== TOKENS || missing + duplicated + wrong > 0)
      return problem(name, `${wrong} of ${TOKENS} tokens came back wrong`, 'use another build of Node');
    const error = maxRelativeError.toExponential(1);
    return ok(name, `WebAssembly SIMD in a thread on shared memory: ${TOKENS} tokens, relative error ${error}`);
  } catch (error) {
    return problem(name, messageOf(error), 'build again (npm run build), with a Node that has WebAssembly SIMD');
  } finally {
    await pool.close();
  }
}

/** The first round trips are slower: code is compiled. */
const ROUND_TRIPS = 50;

/** Sends headers to another fabric and back, over WebSockets on loopback. */
export async function probeWebSocket(): Promise<Check> {
  const name = 'WebSocket';
  const options = { workerOfRank: [0, 1], runId: 'doctor', token: 'doctor', host: '127.0.0.1' };
  const fabrics = [0, 1].map((worker) => new WebSocketFabric({ ...options, worker }));
  let back = deferred<undefined>();
  const message = { movement: 0, hop: 0, stream: 0, integers: [SEED] };
  const receiver = (onHeader: () => void): Receiver => ({
    onHeader,
    onPayload: (_payload, release) => {
      release();
    },
    onPeerLost: (error) => {
      back.reject(error);
    },
  });
  try {
    const near = fabrics[0].attach(
      0,
      receiver(() => {
        back.resolve(undefined);
      }),
    );
    const far = fabrics[1].attach(
      1,
      receiver(() => {
        far.sendHeader({ to: 0, ...message });
      }),
    );
    const addresses = await Promise.all(fabrics.map((fabric) => fabric.listen()));
    const peers = addresses.map(({ host, port }, worker) => ({ worker, url: `ws://${host}:${port}` }));
    await Promise.all(fabrics.map((fabric, worker) => fabric.connect([peers[1 - worker]])));
    const microseconds: number[] = [];
    for (let i = 0; i < ROUND_TRIPS; i++) {
      const began = performance.now();
      back = deferred();
      near.sendHeader({ to: 1, ...message });
      await back.promise;
      microseconds.push((performance.now() - began) * 1000);
    }
    const median = microseconds.sort((a, b) => a - b)[ROUND_TRIPS / 2];
    return ok(name, `there and back on loopback in ${Math.round(median)} µs`);
  } catch (error) {
    return problem(name, messageOf(error), 'let processes listen and connect on 127.0.0.1, or use --fabric memory');
  } finally {
    await Promise.all(fabrics.map((fabric) => fabric.close()));
  }
}

/** The default run leaves 12 MB; more layers, ranks and time leave more. */
const LEAST_DISK_BYTES = 100e6;
const GOOD_DISK_BYTES = 2e9;

/** Writes a file where runs go, and looks how much room there is. */
export function probeRunsFolder(path: string): Check {
  const name = 'runs folder';
  let folder = resolve(path);
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    const made = mkdtempSync(join(folder, '.epemu-doctor-'));
    try {
      writeFileSync(join(made, 'file'), 'written');
    } finally {
      rmSync(made, { recursive: true, force: true });
    }
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const finding = `${resolve(path)} can be written, ${bytesText(free)} free`;
    if (free < LEAST_DISK_BYTES) return problem(name, finding, 'free space, or write elsewhere with --out');
    return free < GOOD_DISK_BYTES
      ? warning(name, finding, 'enough for small runs; free space, or write elsewhere with --out')
      : ok(name, finding);
  } catch (error) {
    return problem(name, messageOf(error), 'call epemu in a folder that can be written, or give --out');
  }
}
