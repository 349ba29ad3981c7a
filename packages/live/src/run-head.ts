import type { Configuration } from '@epemu/config';
import { plainText } from '@epemu/pages';
import { shareOf } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import { KEPT_ROWS } from './state.js';
import type { OperationColumns, RunHead } from './state.js';

/** @returns the most moves that a rank has in one row of the schedule, background transfers included. */
function mostMovesOfRow({ operations }: Program): number {
  const counts = new Map<number, number>();
  for (const { row, kind } of operations) counts.set(row, (counts.get(row) ?? 0) + (kind === 'issue' ? 2 : 1));
  return Math.max(...counts.values());
}

function operationColumns(program: Program, phases: readonly string[]): OperationColumns {
  const indices = new Map(phases.map((phase, index) => [phase, index]));
  const column = (of: (operation: Program['operations'][number]) => number): number[] => program.operations.map(of);
  return {
    phase: column(({ phase }) => indices.get(phase)!),
    layer: column(({ layer }) => layer),
    row: column(({ row }) => row),
    stream: column(({ stream }) => stream),
    communication: column(({ kind }) => (kind === 'compute' ? 0 : 1)),
    recorded: column(({ recorded }) => (recorded ? 1 : 0)),
    share: column(({ id }) => Number(shareOf(program, id).toFixed(6))),
  };
}

/** @returns what a live page knows of a run from its beginning; names as they may be shown. */
export function runHead(parts: {
  runId: string;
  configuration: Configuration;
  program: Program;
  external: boolean;
  startedAtMs: number;
}): RunHead {
  const { runId, configuration, program, external, startedAtMs } = parts;
  const { scenario, ranks, layers, routing, overlap, fabric, seed, model, hardware } = configuration;
  // A second stream that takes part in a phase of another has no phase of its own to show.
  const streams = program.streams.filter(({ id }) => program.operations.some(({ stream }) => stream === id));
  const phases = [...new Set(program.operations.map(({ phase }) => phase))];
  return {
    runId,
    scenario: plainText(scenario),
    ranks,
    nodeSize: Math.min(hardware.nodeSize, ranks),
    layers,
    routing,
    overlap,
    fabric: external ? 'websocket' : fabric,
    seed,
    model: plainText(model.name),
    hardware: plainText(hardware.name),
    external,
    startedAtMs,
    phases: phases.map(plainText),
    operations: operationColumns(program, phases),
    streams: streams.map(({ id, name }) => ({ id, name: plainText(name) })),
    hasNetwork: program.operations.some(({ kind }) => kind === 'issue'),
    layerMarker: plainText(program.layerMarker),
    lastRow: program.operations.reduce((last, { kind, row }) => (kind === 'compute' ? Math.max(last, row) : last), 0),
    keptMoves: KEPT_ROWS * mostMovesOfRow(program),
  };
}
