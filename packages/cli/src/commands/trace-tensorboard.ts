import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { BadInputError, counted, messageOf } from '@epemu/core';
import { plainText } from '@epemu/pages';
import type { Command } from 'commander';

/** Traces by the ends of their names; what the plugin would take as it is keeps its name. */
const TRACE = /^(.+?)(?:\.pt\.trace)?\.json(\.gz)?$/;

/** Adds `epemu trace tensorboard`. */
export function addTensorboardCommand(trace: Command): void {
  trace
    .command('tensorboard')
    .description("link a run's rank traces under the names that TensorBoard's PyTorch profiler plugin lists")
    .argument('<folder>', "a run's folder, or a folder of traces")
    .option('--out <folder>', 'where the links go (default: tensorboard/ in the folder)')
    .addHelpText(
      'after',
      `
The plugin lists files that are called WORKER.pt.trace.json or WORKER.pt.trace.json.gz, a folder of them as one run.

Example:
  epemu trace tensorboard runs/20260102-030405-decode-a1b2c3
  tensorboard --logdir runs/20260102-030405-decode-a1b2c3/tensorboard`,
    )
    .action((folder: string, { out = join(folder, 'tensorboard') }: { out?: string }) => {
      const linked = linkTraces(folder, out);
      const there = counted(linked, 'trace');
      process.stdout.write(`${plainText(`${there} in ${out}; show with: tensorboard --logdir ${out}`)}\n`);
    });
}

/** @returns how many traces have been linked. @throws BadInputError where there are none, or no links can be made. */
function linkTraces(folder: string, out: string): number {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new BadInputError('folder', `${folder} is no folder; name a run's folder, or one of traces`);
  }
  const source = existsSync(join(folder, 'ranks')) ? join(folder, 'ranks') : folder;
  const traces = readdirSync(source, { withFileTypes: true })
    .filter((entry) => entry.isFile() && TRACE.test(entry.name))
    .map(({ name }) => name)
    .sort();
  if (traces.length === 0) {
    throw new BadInputError(
      'folder',
      `${source} has no traces (.json, .json.gz); name a run's folder, or one of traces`,
    );
  }
  try {
    mkdirSync(out, { recursive: true });
    for (const name of traces) {
      const [, stem, packed = ''] = TRACE.exec(name)!;
      const link = join(out, `${stem}.pt.trace.json${packed}`);
      rmSync(link, { force: true });
      // Relative, so that a run's folder may be moved with them.
      symlinkSync(relative(resolve(out), resolve(source, name)), link);
    }
  } catch (error) {
    const remedy = 'name another folder with --out, on a file system that has links';
    throw new BadInputError('--out', `${out} cannot be given links to traces: ${messageOf(error)}; ${remedy}`);
  }
  return traces.length;
}
