export * from './catalogue.js';
export { kernelDurationNs, memoryShare } from './duration.js';
export type { KernelShape } from './duration.js';
export type { KernelEntry, KernelLists } from './entry.js';
export type { Sizes } from './expression.js';
export { KernelCatalogue } from './list.js';
export type { PhaseKernel } from './list.js';
export { evenWork } from './sizes.js';
export type { KernelWork, RunShape } from './sizes.js';
