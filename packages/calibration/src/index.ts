export { calibrationText } from './calibration-text.js';
export { calibrate, presetName } from './calibrate.js';
export type { Calibration, CalibrationOptions } from './calibrate.js';
export type { CollectiveFigures } from './collective-figures.js';
export type { KindFit } from './fitted-preset.js';
export type { PhaseFigures } from './phase-figures.js';
export { checkOutFile } from './out-file.js';
export type { NotPlaced, NotPlacedReason } from './placement.js';
