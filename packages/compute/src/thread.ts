import { threadId } from 'node:worker_threads';
import { routeTokens } from '@epemu/routing';
import { checkChain } from './chain-reference.js';
import { expertBackward, expertForward } from './experts.js';
import { initialise } from './initialise.js';
import { Kernel } from './kernel.js';
import { checkBackward, checkForward } from './reference.js';
import { residualBackward, residualForward } from './residual.js';
import type { NumericsResult, TaskMessage, TaskReply } from './tasks.js';
import { WeightCache } from './weight-cache.js';

/** What a thread keeps between tasks: a kernel and weights for the width in use (a pool has one). */
let state: { kernel: Kernel; cache: WeightCache } | undefined;

function stateFor(hidden: number): { kernel: Kernel; cache: WeightCache } {
  if (state?.kernel.hidden !== hidden) state = { kernel: new Kernel(hidden), cache: new WeightCache(hidden) };
  return state;
}

function perform(message: TaskMessage): NumericsResult | undefined {
  const { hidden } = message;
  switch (message.operation) {
    case 'route':
      routeTokens(message.task.request, message.task.expertIds, message.task.weights);
      return undefined;
    case 'initialise':
      initialise(hidden, message.task);
      return undefined;
    case 'checkForward':
      return checkForward(hidden, message.task);
    case 'checkChain':
      return checkChain(hidden, message.task);
    case 'checkBackward':
      return checkBackward(hidden, message.task);
    default: {
      const { kernel, cache } = stateFor(hidden);
      if (message.operation === 'expertForward') expertForward(kernel, cache, message.task);
      else if (message.operation === 'expertBackward') expertBackward(kernel, cache, message.task);
      else if (message.operation === 'residualForward') residualForward(kernel, cache, message.task);
      else residualBackward(kernel, cache, message.task);
      return undefined;
    }
  }
}

/** Entry of a piscina thread: performs one task on shared memory and says when. */
export default function handle(message: TaskMessage): TaskReply {
  const startNs = Number(process.hrtime.bigint());
  const numerics = perform(message);
  const timing = { startNs, endNs: Number(process.hrtime.bigint()), thread: threadId };
  return numerics === undefined ? { timing } : { timing, numerics };
}
