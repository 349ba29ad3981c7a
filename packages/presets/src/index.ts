export * from './duration.js';
export { parseHardware } from './hardware.js';
export type { HardwarePreset, KernelCost, PhaseKernel, TransferRate } from './hardware.js';
export * from './load.js';
export * from './model.js';
