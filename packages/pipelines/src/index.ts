export type { Cell, Part, PipelineOrder, Work } from './cell.js';
export { closedForm } from './closed-forms.js';
export type { ClosedForm } from './closed-forms.js';
export { PIPELINE_SCHEDULES, pipelineOrder } from './schedules.js';
export type { PipelineSchedule, PipelineSize } from './schedules.js';
export { heldStages, stageCount } from './stages.js';
export type { PipelineShape } from './stages.js';
export { mostActivations, timePipeline } from './unit-time.js';
export type { PipelineTimes, TimedCell, UnitTimes } from './unit-time.js';
