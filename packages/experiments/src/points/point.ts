import type { FigureReport } from '@epemu/analysis';
import { memoryOf } from '@epemu/config';
import type { Configuration, MemoryUse } from '@epemu/config';
import { throughputOf } from '@epemu/outputs';
import type { Throughput } from '@epemu/outputs';
import { figuresOf } from '../figures-of.js';
import { RunTimer } from '../in-memory.js';

/** What a point of a sweep comes to: figures of `report.json`, by the same names. */
export interface PointFigures {
  readonly timeline: FigureReport['timeline'];
  readonly steady: FigureReport['steady'];
  readonly phases: FigureReport['phases'];
  readonly notifyPctOfComm: number;
  readonly throughput: Throughput;
  readonly memory: MemoryUse;
}

/** Emulates one configuration after the other in this process and keeps what they have in common. */
export class PointEmulator {
  readonly #timer = new RunTimer();

  /** @throws the first failure of a rank. */
  async emulate(configuration: Configuration): Promise<PointFigures> {
    const figures = figuresOf(await this.#timer.time(configuration));
    const { timeline, steady, phases, notifyPctOfComm } = figures;
    return {
      ...{ timeline, steady, phases, notifyPctOfComm },
      throughput: throughputOf(configuration, figures),
      memory: memoryOf(configuration),
    };
  }
}
