export { largestBatch } from './max-batch.js';
export type { LargestBatch } from './max-batch.js';
export { MEMORY_PARTS, kvBytesPerToken, memoryOf, memoryOfRoles } from './memory.js';
export type { MemoryPart, MemoryUse } from './memory.js';
export { totalParameters } from './parameters.js';
export { memoryPartName, memoryParts, memoryProblem, memoryText, memoryTotalText } from './words.js';
