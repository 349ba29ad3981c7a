export { toneOf, type LayerBox, type LayerGate, type LayerPicture, type LayerRow, type Tone } from './layer-picture.js';
export { SLICE_CLASSES } from './page-data.js';
export type {
  ByteMatrix,
  PageData,
  PageTable,
  RankBars,
  SliceColumns,
  SummaryFigure,
  TimelineData,
  TimelineTrack,
} from './page-data.js';
export { reportPage, type PageParts } from './report-page.js';
