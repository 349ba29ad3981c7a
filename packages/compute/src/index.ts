export { ComputeError, ComputePool, type ComputePoolOptions, type ComputeStatistics } from './pool.js';
export { sharedFloat32, sharedUint16, sharedUint32, sharedUint8 } from './shared.js';
export type {
  CheckBackwardTask,
  CheckForwardTask,
  CheckResult,
  ExpertBackwardTask,
  ExpertForwardTask,
  InitialiseTask,
  NumericsResult,
  ResidualBackwardTask,
  ResidualForwardTask,
  RouteTask,
  TaskTiming,
  WeightKey,
  WeightKind,
} from './tasks.js';
