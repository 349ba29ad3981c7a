import { parentPort } from 'node:worker_threads';
import type { Configuration } from '@epemu/config';
import { messageOf } from '@epemu/core';
import { PointEmulator } from './point.js';
import type { PointFigures } from './point.js';

/** A configuration to emulate, as the thread is told it. */
export interface PointTask {
  readonly id: number;
  readonly configuration: Configuration;
}

/** What became of it. */
export type PointReply =
  { readonly id: number; readonly figures: PointFigures } | { readonly id: number; readonly error: string };

const emulator = new PointEmulator();

async function replyTo({ id, configuration }: PointTask): Promise<PointReply> {
  try {
    return { id, figures: await emulator.emulate(configuration) };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}

parentPort?.on('message', (task: PointTask) => {
  void replyTo(task).then((reply) => parentPort?.postMessage(reply));
});
