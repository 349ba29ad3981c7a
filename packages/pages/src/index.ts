export { THEMES, type Theme } from './layer/colours.js';
export { layerSvg, standaloneLayers } from './layer/svg.js';
export { columnsToScale, layerText } from './layer/text.js';
export { toneOf, type LayerBox, type LayerGate, type LayerPicture, type LayerRow, type Tone } from './layer/picture.js';
export { SLICE_CLASSES } from './page-data.js';
export type {
  ByteMatrix,
  PageData,
  PageTable,
  PipelineChart,
  RankBars,
  SliceColumns,
  SummaryFigure,
  TimelineData,
  TimelineTrack,
} from './page-data.js';
export { ceilingsText, exposedText, findingText, stragglerText } from './analysis-finding.js';
export { analysisFigures, analysisPage, byteMatrix, rankBars, titleOf } from './analysis-page.js';
export { analysisTables, columnsOf, phaseTable, plainRows } from './analysis-tables.js';
export { steadyLayer } from './layer/steady-layer.js';
export { RanksDrawing, drawingOf } from './timeline-data.js';
export { formatBytes, percentText, signedPercentText, signedPointsText, timeText } from './units.js';
export { reportPage } from './report-page.js';
export { readPageAssets, type PageAssets } from './page-assets.js';
export { verdictOf } from './sections/tables.js';
export { plainText } from './plain-text.js';
export { markup, trusted, type Markup } from './markup.js';
export { comparisonSentence } from './comparison-finding.js';
export { comparisonLayers, comparisonPage, sideTitle, type ComparedSets } from './comparison-page.js';
export { comparisonTables } from './comparison-tables.js';
export type { ChartData, HeatChart, LineChart, ScatterChart } from './charts/chart-data.js';
export { figureText } from './comparison-tables.js';
