import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Why nothing can be explained, in one sentence. */
export class ExplanationError extends Error {}

const RECORDER = join(import.meta.dirname, 'record-process.mjs');
const MOST_BYTES = 1024 ** 3;

/**
 * Runs a configuration by the code in a folder.
 * @returns its digest and what it did; where that code refuses it, why.
 */
export function recordedBy(folder, sources) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [RECORDER], {
    cwd: folder,
    input: JSON.stringify(sources),
    encoding: 'utf8',
    maxBuffer: MOST_BYTES,
  });
  if (status === 0) return JSON.parse(stdout);
  throw new ExplanationError(`the code in ${folder} cannot run it: ${stderr.trim().slice(-2000)}`);
}
