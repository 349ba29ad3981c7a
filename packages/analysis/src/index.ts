export { analyseSet, analyze } from './analyze.js';
export type { AnalysedSet, Analysis, AnalysisOptions, ExposedPieceFigure, RankFigure } from './analyze.js';
