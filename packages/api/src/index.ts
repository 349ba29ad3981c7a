export { analyze } from './analyze.js';
export type { AnalyzeOptions } from './analyze.js';
export { collective } from './collective.js';
export { emulate, run } from './run.js';
export type { RunOptions, RunResult, Scenario } from './run.js';
export { BadInputError, EpemuError, EPEMU_VERSION } from '@epemu/core';
export type { Analysis } from '@epemu/analysis';
export type { CollectiveOptions, CollectiveResult, PointFigures } from '@epemu/experiments';
export type { Report } from '@epemu/outputs';
