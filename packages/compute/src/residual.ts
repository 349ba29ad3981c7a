import { InvariantError } from '@epemu/core';
import type { Kernel } from './kernel.js';
import type { ResidualBackwardTask, ResidualForwardTask } from './tasks.js';
import type { WeightCache } from './weight-cache.js';

/** out = input + F(input) (+ addend). @throws InvariantError when the arrays' lengths do not fit each other. */
export function residualForward(kernel: Kernel, cache: WeightCache, task: ResidualForwardTask): void {
  const { input, output } = task;
  const { hidden, blockRows, x, y } = kernel;
  const addendStride = checkLengths(task, hidden);
  const count = input.length / hidden;
  if (count > 0) kernel.useForward(cache.get(task.key));
  for (let token = 0; token < count; token += blockRows) {
    const rows = Math.min(blockRows, count - token);
    x.set(input.subarray(token * hidden, (token + rows) * hidden));
    kernel.forward(rows);
    addRows(x, y, rows, hidden, task.addend, addendStride, token, output);
  }
}

/** out = gradient + Jᵀ(input)·gradient (+ addend). @throws InvariantError as {@link residualForward}. */
export function residualBackward(kernel: Kernel, cache: WeightCache, task: ResidualBackwardTask): void {
  const { input, gradient, output } = task;
  const { hidden, blockRows, x, y, g } = kernel;
  const addendStride = checkLengths(task, hidden);
  if (gradient.length !== input.length) throw new InvariantError('a gradient is needed for each input value');
  const count = input.length / hidden;
  if (count > 0) kernel.useBackward(cache.get(task.key));
  for (let token = 0; token < count; token += blockRows) {
    const rows = Math.min(blockRows, count - token);
    x.set(input.subarray(token * hidden, (token + rows) * hidden));
    g.set(gradient.subarray(token * hidden, (token + rows) * hidden));
    kernel.backward(rows);
    addRows(g, y, rows, hidden, task.addend, addendStride, token, output);
  }
}

/** output[token …] = base + change (+ addend), each value rounded once. */
function addRows(
  base: Float32Array,
  change: Float32Array,
  rows: number,
  hidden: number,
  addend: Float32Array | undefined,
  addendStride: number,
  token: number,
  output: Float32Array,
): void {
  for (let row = 0; row < rows; row++) {
    const from = row * hidden;
    const to = (token + row) * hidden;
    if (addend === undefined) {
      for (let i = 0; i < hidden; i++) output[to + i] = base[from + i] + change[from + i];
    } else {
      const extra = (token + row) * addendStride;
      for (let i = 0; i < hidden; i++) output[to + i] = base[from + i] + change[from + i] + addend[extra + i];
    }
  }
}

/** @returns the addend's stride. */
function checkLengths(task: ResidualForwardTask, hidden: number): number {
  const { input, addend, addendStride = hidden, output } = task;
  const count = input.length / hidden;
  if (!Number.isInteger(count)) throw new InvariantError(`${input.length} values are no tokens of ${hidden}`);
  if (output.length !== input.length) throw new InvariantError(`${input.length} inputs for ${output.length} outputs`);
  if (addend !== undefined && (addendStride < hidden || addend.length < count * addendStride)) {
    throw new InvariantError(`addend of ${addend.length} values, stride ${addendStride}, for ${count} tokens`);
  }
  return addendStride;
}
