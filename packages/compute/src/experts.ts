import { InvariantError } from '@epemu/core';
import type { Kernel } from './kernel.js';
import { addScaled, gatherRows } from './rows.js';
import type { ExpertBackwardTask, ExpertForwardTask } from './tasks.js';
import type { WeightCache } from './weight-cache.js';

/** Applies a rank's experts to the tokens it received. @throws InvariantError when the rows do not fit the tokens. */
export function expertForward(kernel: Kernel, cache: WeightCache, task: ExpertForwardTask): void {
  const { keys, tokens, rowToken, rowWeight, expertOffsets, partial } = task;
  const { hidden, blockRows, x, y } = kernel;
  const stride = hidden + 1;
  checkRows(task, hidden, stride);
  partial.fill(0);
  for (let expert = 0; expert < keys.length; expert++) {
    const end = expertOffsets[expert + 1];
    let row = expertOffsets[expert];
    if (row === end) continue;
    kernel.useForward(cache.get(keys[expert]));
    for (; row < end; row += blockRows) {
      const count = Math.min(blockRows, end - row);
      gatherRows(tokens, rowToken, row, count, hidden, x);
      kernel.forward(count);
      for (let i = 0; i < count; i++) {
        const at = rowToken[row + i] * stride;
        addScaled(partial, at, y, i * hidden, hidden, rowWeight[row + i]);
        partial[at + hidden]++;
      }
    }
  }
}

/** Gradients of {@link expertForward}. @throws InvariantError when the rows do not fit the tokens. */
export function expertBackward(kernel: Kernel, cache: WeightCache, task: ExpertBackwardTask): void {
  const { keys, tokens, rowToken, rowWeight, rowSlot, topK, expertOffsets, gradient, partial } = task;
  const { hidden, blockRows, x, y, g } = kernel;
  const stride = hidden + 1 + topK;
  checkRows(task, hidden, stride);
  if (rowSlot.length < rowToken.length) throw new InvariantError(`${rowSlot.length} slots for ${rowToken.length} rows`);
  if (gradient.length < tokens.length) throw new InvariantError('fewer gradients than tokens');
  for (const slot of rowSlot) if (slot >= topK) throw new InvariantError(`slot ${slot} of a top-${topK} router`);
  const dot = new Float64Array(blockRows);
  partial.fill(0);
  for (let expert = 0; expert < keys.length; expert++) {
    const end = expertOffsets[expert + 1];
    let row = expertOffsets[expert];
    if (row === end) continue;
    kernel.useBackward(cache.get(keys[expert]));
    for (; row < end; row += blockRows) {
      const count = Math.min(blockRows, end - row);
      gatherRows(tokens, rowToken, row, count, hidden, x);
      gatherRows(gradient, rowToken, row, count, hidden, g);
      kernel.backward(count, dot);
      for (let i = 0; i < count; i++) {
        const at = rowToken[row + i] * stride;
        addScaled(partial, at, y, i * hidden, hidden, rowWeight[row + i]);
        partial[at + hidden]++;
        // Added, not stored: a row that came twice must not look like one that came once.
        partial[at + hidden + 1 + rowSlot[row + i]] += dot[i];
      }
    }
  }
}

/** An index out of range would be a silent zero row: typed arrays do not throw. */
function checkRows(task: ExpertForwardTask, hidden: number, stride: number): void {
  const { keys, tokens, rowToken, rowWeight, expertOffsets, partial } = task;
  const count = tokens.length / hidden;
  if (!Number.isInteger(count)) throw new InvariantError(`${tokens.length} values are no tokens of ${hidden}`);
  if (partial.length !== count * stride) {
    throw new InvariantError(`partial holds ${partial.length} values, ${count} tokens need ${count * stride}`);
  }
  if (expertOffsets.length !== keys.length + 1) {
    throw new InvariantError(`${expertOffsets.length} expert offsets for ${keys.length} experts`);
  }
  let previous = 0;
  for (const offset of expertOffsets) {
    if (offset < previous) throw new InvariantError('expert offsets are not ascending');
    previous = offset;
  }
  if (previous > rowToken.length || rowWeight.length < rowToken.length) {
    throw new InvariantError(`${previous} rows, but ${rowToken.length} token indices and ${rowWeight.length} weights`);
  }
  for (const token of rowToken) if (token >= count) throw new InvariantError(`row of token ${token} of only ${count}`);
}
