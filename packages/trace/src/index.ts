export type { RunDescription, TraceStatistics } from './run.js';
export type { ListedOperation } from './program-metadata.js';
export type { KernelNaming } from './kernel-naming.js';
export { writeRankTrace } from './rank-writer.js';
export { TraceCut, type TraceWindow } from './cut.js';
export { MergedTraceWriter, type MergedTraceOptions } from './merged-writer.js';
export {
  HOST_EVENT_COLUMNS,
  HOST_KIND,
  HOST_TASK_KINDS,
  writeHostTrace,
  type HostEventColumns,
  type HostEvents,
  type HostTraceOptions,
} from './host-writer.js';
export type { TraceEvent } from './event.js';
export { eventTime, isCallCategory, isGpuCategory } from './categories.js';
export { DamagedTraceError, NoTraceError } from './damage.js';
export { readTrace, readTraceBatches, readTraceEvents, type TraceReadOptions } from './reader.js';
export { lintTrace } from './lint.js';
export {
  KernelNames,
  isLibraryProduct,
  isNamed,
  functionName,
  parseKernelName,
  sameFunction,
  type KernelName,
} from './kernel-name.js';
export {
  LINT_RULES,
  type LintOptions,
  type LintProblem,
  type LintRule,
  type LintRuleId,
  type LintSeverity,
} from './lint-rules.js';
export { programMetadata, type ProgramMetadata } from './program-metadata.js';
export { RunTrace } from './run-trace.js';
export { rankName, STATEMENT, statementOf } from './run.js';
