import { BadInputError, counted } from '@epemu/core';
import { NoTraceError, readTraceBatches } from '@epemu/trace';
import type { InputProblem } from '../model.js';
import { FileCollector, NameTable } from './collector.js';
import { fileMetadata } from './file-metadata.js';
import type { FileMetadata } from './file-metadata.js';
import type { InputFile } from './input-files.js';
import { withoutKernels } from './what-file.js';

/** How far reading is. */
export interface ReadProgress {
  readonly file: string;
  /** Events of the file so far. */
  readonly events: number;
  /** Files that are done, and all of them. */
  readonly done: number;
  readonly files: number;
}

/** What reading is told beside paths. */
export interface ReadOptions {
  /** How many kernels are kept of all files; reading stops behind them, and says so. */
  readonly mostKernels: number;
  /** The only step of the profiler that is looked at; all where undefined. */
  readonly step?: number | undefined;
  /** Whether files of different jobs are taken together. */
  readonly anyJob: boolean;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
}

/** A file's GPUs with what the file says of itself. */
export interface ReadFile {
  readonly path: string;
  readonly metadata: FileMetadata;
  readonly collector: FileCollector;
}

function tooMany(path: string, mostKernels: number, events: number): BadInputError {
  const message = `${path}: more than ${mostKernels} kernels are not kept; what comes after event ${events} is left out: analyse fewer steps or ranks at once`;
  return new BadInputError(path, message);
}

/** Reads the files one after the other; holds numbers of kernels, not events. */
export class TraceReader {
  readonly names = new NameTable();
  readonly problems: InputProblem[] = [];
  readonly files: ReadFile[] = [];
  readonly #mostKernels: number;
  readonly #tell: (path: string, events: number) => void;
  #kernels = 0;

  constructor(mostKernels: number, tell: (path: string, events: number) => void) {
    this.#mostKernels = mostKernels;
    this.#tell = tell;
  }

  async read({ path, named }: InputFile): Promise<void> {
    const collector = new FileCollector(this.names);
    let text = '{}';
    const damaged = (error: BadInputError): void => {
      this.problems.push({ file: path, message: error.message, partial: true });
    };
    try {
      const batches = readTraceBatches(path, {
        onMetadata: (metadata) => {
          text = metadata;
        },
        onDamage: damaged,
      });
      for await (const batch of batches) {
        for (const event of batch) collector.take(event);
        this.#tell(path, collector.events);
        if (this.#kernels + collector.kernels <= this.#mostKernels) continue;
        damaged(tooMany(path, this.#mostKernels, collector.events));
        break;
      }
    } catch (error) {
      // Where not even the events have begun, the other files may still be read.
      if (!(error instanceof BadInputError)) throw error;
      // JSON of another kind lies in many a folder of traces.
      const partial = named || !(error instanceof NoTraceError);
      this.problems.push({ file: path, message: error.message, partial });
    }
    this.#kernels += collector.kernels;
    if (collector.kernels === 0) {
      this.#noKernels(path, named, collector);
      return;
    }
    const { untimed } = collector;
    if (untimed !== undefined) {
      const { count } = untimed;
      const what = `${counted(count, 'kernel')} of ${path} without usable times ${count === 1 ? 'is' : 'are'} left out`;
      const first = `the first is event ${untimed.index}, ${untimed.name}`;
      this.problems.push({
        file: path,
        message: `${what}: each needs "ph": "X", and "ts" and "dur" in µs that are numbers, at most 285 years from the others, "dur" of 0 or more; ${first}`,
        partial: true,
      });
    }
    this.files.push({ path, metadata: fileMetadata(text), collector });
  }

  #noKernels(path: string, named: boolean, collector: FileCollector): void {
    if (this.problems.at(-1)?.file === path && collector.events === 0) return;
    this.problems.push({ file: path, message: `${path} ${withoutKernels(collector)}`, partial: named });
  }
}
