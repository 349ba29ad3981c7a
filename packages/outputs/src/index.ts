export { findingOf } from './finding.js';
export { RUN_FILES, newRunId, prepareFolder, rankFileName, removePartials } from './folder.js';
export { FolderLock, writerOf } from './folder-lock.js';
export { describeRun, mergeRun, type AnalysedRun, type MergeResult } from './merge.js';
export { metricsText, showReport } from './metrics-text.js';
export { outlineReport } from './outline-report.js';
export type { EmulatedCell, PipelineRank, PipelineReport } from './pipeline-figures.js';
export { tracedRanks, writePerfettoArchive, type ArchivedRun } from './perfetto-archive.js';
export { pipelineWords, type PipelineWords } from './pipeline-words.js';
export { readOperationsFile, writeOperationsFile } from './operations-file.js';
export type { RecordedRun } from './recorded-run.js';
export {
  buildReport,
  linkTraffic,
  throughputOf,
  throughputOfStep,
  type HostFigures,
  type Report,
  type Throughput,
} from './report.js';
export { runLabels } from './run-labels.js';
export { runPage } from './run-page.js';
export { RunSpool, type HostSource } from './spool.js';
