export { analyseSet, analyze } from './analyze.js';
export type { AnalysisOptions } from './analyze.js';
export { Analyser } from './across/analyser.js';
export type { AnalysedRanks, AnalysedSet, Analysis, RankFigure } from './analysis.js';
export { runSet } from './run-set.js';
export { RunFigures, type RunShape } from './figures/run-figures.js';
export type * from './figures/figure-report.js';
export { rankFigures, type RankFigures, type WindowFigures } from './figures/rank-figures.js';
export { RanksSummary } from './figures/ranks-summary.js';
export type { ExposedCause, ExposedPieceFigure } from './figures/exposed-causes.js';
export type { Alignment } from './across/align.js';
export type { CollectivePart } from './across/collective-part.js';
export type { Collective } from './across/collectives.js';
export type { CollectiveSkew, RankLateness } from './across/skew.js';
export type { ByteTraffic } from './across/traffic.js';
export type { ExposedInterval } from './figures/exposed.js';
export { layerStarts } from './figures/layers.js';
export type { StepFigure } from './figures/step-figures.js';
export type { KernelTotal, StreamFigure } from './figures/tables.js';
export { KERNEL_PATTERNS } from './kernel-patterns.js';
export type { KernelPattern } from './kernel-patterns.js';
export { KernelRoles } from './kernel-role.js';
export type { KernelRole } from './kernel-role.js';
export type * from './model.js';
export type { CriticalPath, PathKind, PathPiece, PathShare } from './path/critical-path.js';
export { gatesOf, type Gates } from './path/gates.js';
export type { WhatIf, WhatIfs } from './path/what-if.js';
export type {
  ChakraAttribute,
  ChakraMetadata,
  ChakraNode,
  ChakraNodeType,
  ChakraTrace,
} from './export/chakra/schema.js';
export { writeChakra } from './export/chakra/write-chakra.js';
export { prepareExportFolder } from './export/output-folder.js';
export { writeCsv } from './export/write-csv.js';
export type { ExportOutcome } from './export/write-file.js';
export type { ReadProgress } from './read/read-file.js';
export { Containment, type NamedRange } from './phases/containment.js';
export { compare } from './compare/compare.js';
export type {
  Change,
  CollectiveComparison,
  Comparison,
  KernelComparison,
  PhaseComparison,
  SideHeadline,
} from './compare/comparison.js';
export type { LayerParts } from './compare/decomposition.js';
export type { FigureComparison } from './compare/figures.js';
export type { MemoryComparison } from './compare/memory.js';
export { configurationDifferences } from './compare/configurations.js';
export type { ComparedConfiguration, ConfigurationDifference } from './compare/configurations.js';
export { besidesTraces, sideOfJson, type ReadSide } from './compare/report-side.js';
export type { ComparedSide } from './compare/side.js';
export { onlyRank, sideOfTraces } from './compare/trace-side.js';
