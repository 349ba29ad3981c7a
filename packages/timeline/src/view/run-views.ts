import { processGroupOf } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import type { RankTimeline } from '../rank-timeline.js';
import { bytesTo } from './bytes-to.js';
import { phaseInstance, placeInstances } from './phase-instance.js';
import type { ProgramFacts } from './program-facts.js';
import { RankView } from './rank-view.js';
import type { BackgroundTransfer, KernelColumns, PhaseInstance, TransferHalf } from './rank-view.js';

const HALVES: Partial<Record<Operation['kind'], TransferHalf>> = { issue: 'issue', wait: 'wait' };

/** @returns a rank of a run as figures are read from it. @param ranks of the run. */
export function viewOfTimeline(timeline: RankTimeline, facts: ProgramFacts, ranks: number): RankView {
  const { events, rank, services } = timeline;
  const [start, end, launch] = [events.column('startNs'), events.column('endNs'), events.column('launchNs')];
  const [stream, kernel, operation] = [events.column('stream'), events.column('kernel'), events.column('operation')];
  const order = Uint32Array.from(start, (_, row) => row).sort((a, b) => start[a] - start[b] || a - b);
  const used = facts.streams.filter(({ id }) => stream.includes(Number(id)));
  const streamIndex = new Map(used.map(({ id }, index) => [Number(id), index]));
  const times = (values: Float64Array): Float64Array => Float64Array.from(order, (row) => values[row]);
  const numbers = (of: (row: number) => number): Int32Array => Int32Array.from(order, of);
  const kernels: KernelColumns = {
    count: order.length,
    startNs: times(start),
    endNs: times(end),
    launchNs: times(launch),
    stream: numbers((row) => streamIndex.get(stream[row])!),
    kernel: numbers((row) => facts.identity(operation[row], kernel[row])),
    operation: numbers((row) => operation[row]),
    instance: new Int32Array(order.length).fill(-1),
  };
  const sent = bytesTo(services, facts.program.links, ranks);
  return new RankView({
    rank,
    file: `rank ${rank}`,
    kernels,
    identities: facts.identities,
    streams: used,
    instances: placeInstances(instancesOf(kernels, facts, streamIndex), kernels),
    transfers: transfersOf(timeline, facts),
    ...(facts.program.roles.length === 1 ? {} : { groups: groupsOf(kernels, facts, rank) }),
    inferred: false,
    bytesTo: { rdma: [...sent.rdma], nvlink: [...sent.nvlink], other: [] },
    // Exports read trace files, which tell them.
    sentBytes: new Map(),
  });
}

function instancesOf(
  kernels: KernelColumns,
  facts: ProgramFacts,
  streamIndex: ReadonlyMap<number, number>,
): PhaseInstance[] {
  const rows = new Map<number, number[]>();
  kernels.operation.forEach((id, row) => {
    const list = rows.get(id);
    if (list === undefined) rows.set(id, [row]);
    else list.push(row);
  });
  return [...rows].map(([id, list]) => {
    const { phase, layer, kind, transfer, stream } = facts.operation(id);
    const half = HALVES[kind];
    // A phase may have kernels on another stream alone.
    const known = { phase, layer, operation: id, half, transfer, stream: streamIndex.get(stream) };
    return phaseInstance(known, list, kernels);
  });
}

/** Process groups of a rank's communication kernels, by row. */
function groupsOf(kernels: KernelColumns, facts: ProgramFacts, rank: number): ReadonlyMap<number, string> {
  const groups = new Map<number, string>();
  const ofOperation = new Map<number, string>();
  kernels.operation.forEach((id, row) => {
    if (facts.identities[kernels.kernel[row]].collective === undefined) return;
    let group = ofOperation.get(id);
    if (group === undefined) {
      const { name, ranks } = processGroupOf(facts.program, rank, facts.operation(id));
      ofOperation.set(id, (group = `${name} ${ranks.join()}`));
    }
    groups.set(row, group);
  });
  return groups;
}

function transfersOf(timeline: RankTimeline, facts: ProgramFacts): BackgroundTransfer[] {
  const { transfers: columns } = timeline;
  const [ids, starts, ends] = [columns.column('operation'), columns.column('startNs'), columns.column('endNs')];
  const transfers = Array.from(ids, (id, row): BackgroundTransfer => {
    return { phase: facts.operation(id).transfer!, startNs: starts[row], endNs: ends[row], operation: id };
  });
  return transfers.sort((a, b) => a.startNs - b.startNs || a.endNs - b.endNs);
}
