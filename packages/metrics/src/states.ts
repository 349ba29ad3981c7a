/** What a run is at, in order; one of the last two is its end. */
export const RUN_STATES = ['starting', 'joining', 'connecting', 'running', 'merging', 'succeeded', 'failed'] as const;
export type RunState = (typeof RUN_STATES)[number];

/** What a worker is at, in order; one of the last two is its end. */
export const WORKER_STATES = ['joining', 'connecting', 'running', 'handing over', 'finished', 'failed'] as const;
export type WorkerState = (typeof WORKER_STATES)[number];

/** How many of a run's ranks, or workers, there are. */
export const COUNTED = ['wanted', 'joined', 'finished', 'lost'] as const;

/** Parts of a run's host time, as in the report: until the ranks start, while they run, and after. */
export const STAGES = ['startup', 'emulate', 'merge'] as const;
export type Stage = (typeof STAGES)[number];
