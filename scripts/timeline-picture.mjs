// Draws one steady layer of a finished run as SVG: node scripts/timeline-picture.mjs RUN [RANK] > picture.svg
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { standaloneLayerSvg, toneOf } from '@epemu/pages';
import { readTraceEvents } from '@epemu/trace';

const [run, rank = '0'] = process.argv.slice(2);
const { scenario, ranks, layers, schedule } = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
const templates = new Map(schedule.phases.map((phase) => [phase.name, phase]));

/** Phases and transfers by operation, in nanoseconds; a phase that runs on two streams is one. */
const operations = new Map();
const busy = { computation: [], communication: [] };
for await (const { ph, cat, name, args } of readTraceEvents(
  join(run, 'ranks', `rank-${rank.padStart(5, '0')}.json.gz`),
)) {
  if (typeof args?.['start ns'] !== 'number') continue;
  const { operation, phase = name, 'start ns': startNs, 'end ns': endNs } = args;
  const row = rowOf(ph === 'b' ? undefined : templates.get(phase).kind);
  const key = `${row} ${operation}`;
  const known = operations.get(key) ?? { row, phase, startNs, endNs };
  operations.set(key, { ...known, startNs: Math.min(known.startNs, startNs), endNs: Math.max(known.endNs, endNs) });
  if (cat === 'kernel') busy[isCommunication(phase) ? 'communication' : 'computation'].push({ startNs, endNs });
}

function rowOf(kind) {
  if (kind === undefined) return 'network';
  return kind === 'collective' ? 'communication' : 'computation';
}

function isCommunication(phase) {
  return templates.get(phase).kind !== 'compute';
}

/** @returns stretches of a box in which its kernels ran and no computation did. */
function exposed({ startNs, endNs }) {
  let left = busy.communication
    .map((kernel) => ({ startNs: Math.max(kernel.startNs, startNs), endNs: Math.min(kernel.endNs, endNs) }))
    .filter((stretch) => stretch.endNs > stretch.startNs);
  for (const kernel of busy.computation) {
    left = left.flatMap((stretch) =>
      kernel.endNs <= stretch.startNs || kernel.startNs >= stretch.endNs
        ? [stretch]
        : [
            { startNs: stretch.startNs, endNs: kernel.startNs },
            { startNs: kernel.endNs, endNs: stretch.endNs },
          ].filter((rest) => rest.endNs > rest.startNs),
    );
  }
  return left;
}

const marks = [...operations.values()]
  .filter(({ row, phase }) => row !== 'network' && phase === schedule.layerMarker)
  .map(({ startNs }) => startNs)
  .sort((a, b) => a - b);
// The first layer fills the pipeline; a run of one layer has no other.
const layer = marks.length > 2 ? 1 : 0;
const startNs = marks[layer];
const endNs = marks[layer + 1] ?? Math.max(...[...operations.values()].map((operation) => operation.endNs));

const boxOf = ({ row, phase, ...span }) => {
  const kind = row === 'network' ? undefined : templates.get(phase).kind;
  const isBar = kind === 'issue' || kind === 'wait';
  return {
    phase,
    ...span,
    tone: toneOf(phase),
    kind: isBar ? kind : 'phase',
    exposed: kind === undefined || !isCommunication(phase) ? [] : exposed(span),
  };
};
const sms = { computation: schedule.computeSms, communication: schedule.communicationSms, network: null };
const rows = ['computation', 'communication', 'network']
  .map((kind) => ({
    kind,
    sms: sms[kind],
    boxes: [...operations.values()]
      .filter((operation) => operation.row === kind && operation.endNs > startNs && operation.startNs < endNs)
      .sort((a, b) => a.startNs - b.startNs)
      .map(boxOf),
  }))
  .filter(({ boxes }) => boxes.length > 0);

const places = rows.flatMap(({ kind, boxes }, row) =>
  boxes.map((box, index) => ({ ...box, isTransfer: kind === 'network', row, box: index })),
);
/** @returns the gate from the last of some boxes that began before another did, if there is one. */
function gate(sources, { row, box, startNs: before }) {
  const from = sources.filter((source) => source.startNs < before).at(-1);
  return from === undefined ? [] : [{ from: { row: from.row, box: from.box }, to: { row, box } }];
}
const named = (name, transfers) => places.filter(({ isTransfer, phase }) => phase === name && isTransfer === transfers);
const gates = places.flatMap((place) => {
  if (place.isTransfer) {
    const issues = named(`issue ${place.phase}`, false).filter((issue) => issue.startNs <= place.startNs);
    return gate(issues, { ...place, startNs: place.startNs + 1 });
  }
  // A wait is for the transfer that its issue began.
  if (place.kind === 'wait') return gate(named(place.phase.replace(/^wait /, ''), true), place);
  return templates.get(place.phase).after.flatMap((after) => gate(named(after.replace(/@-1$/, ''), false), place));
});

const title = `${scenario}, ${ranks} ranks: layer ${Math.min(layer, layers - 1)} of rank ${Number(rank)}`;
process.stdout.write(standaloneLayerSvg({ title, startNs, endNs, rows, gates }));
