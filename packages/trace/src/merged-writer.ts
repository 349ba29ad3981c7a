import { InvariantError } from '@epemu/core';
import { isOutPort } from '@epemu/schedule';
import type { RankTimeline } from '@epemu/timeline';

import { TraceCut } from './cut.js';
import { arrivalText, FlowEnds } from './flow-ends.js';
import { clampInto, flowHash, flowId, FlowKernels, type FlowSlice, flowSlices } from './flows.js';
import { microseconds } from './json.js';
import { launchedPhases } from './launch-order.js';
import { ByteMatrix } from './link-bytes.js';
import { type EventText, flowText, MergedText, type OrderedRank } from './merged-text.js';
import { epemuMetadata, gpuPid, type TraceStatistics } from './run.js';
import type { RunTrace } from './run-trace.js';
import { TraceSink } from './sink.js';
import { FittedTracks, trackMetadata, trackRoom } from './tracks.js';
import { DEFAULT_MAXIMUM_BYTES, longestKernels, planThinning, type ThinningPlan } from './thinning.js';

/** Texts of flows are put into the file when they are as long, characters. */
const FLOW_TEXT_LENGTH = 1 << 16;

/** What a merged trace is to hold at most; whatever bounds leave unsaid is taken from the first rank's timeline times the ranks. */
export interface MergedTraceOptions {
  /** @default 95 MB */
  readonly maximumUnpackedBytes?: number;
  /** Segments sent in the whole run; one flow each. */
  readonly expectedFlows?: number;
  readonly expectedKernels?: number;
  /**
   * Whether every rank is added with all it would have done. Otherwise the other end of a flow may be missing, which no
   * rank can see for itself: no flows are drawn at all.
   *
   * @default true
   */
  readonly complete?: boolean;
  /** What of the run it is to hold; all where it is left out. */
  readonly cut?: TraceCut;
}

/** What the `thinning` member and the end of the file take at most; the matrix of bytes is counted beside it. */
const TAIL_BYTES = 1000;
/** Largest part of a trace that tracks may take. */
const TRACKS_SHARE = 0.1;
/** Other ranks' numbers may have more digits than those that the plan was made from. */
const DIGITS_MARGIN = 1.02;
const FLOW_RULE =
  'a flow is drawn when the hash of (operation, hop, origin, destination, segment) is below the threshold';
const NO_FLOWS_RULE = 'the run did not finish: flows are left out';

/**
 * Writes all ranks into one trace: a process per rank, a thread per stream with phases above kernels, a network row,
 * and flows between ranks. Holds one rank at a time; to stay below its byte limit it leaves out flows by hash and the
 * shortest kernels, and says so in the file (`thinning`).
 */
export class MergedTraceWriter {
  readonly #sink: TraceSink;
  readonly #trace: RunTrace;
  readonly #options: MergedTraceOptions;
  readonly #cut: TraceCut;
  readonly #text: MergedText;
  readonly #flowKernels: FlowKernels;
  readonly #flowEnds = new FlowEnds();
  readonly #matrix: ByteMatrix;
  readonly #ranks = new Set<number>();
  #plan: ThinningPlan | undefined;
  #tracks: FittedTracks | undefined;
  #events = 0;
  readonly #counts = {
    ranks: 0,
    kernelsOfRun: 0,
    kernels: 0,
    kernelsKept: 0,
    flows: 0,
    flowsKept: 0,
    droppedUpToNs: 0,
  };

  private constructor(sink: TraceSink, trace: RunTrace, options: MergedTraceOptions) {
    this.#sink = sink;
    this.#trace = trace;
    this.#matrix = new ByteMatrix(trace.run.ranks);
    this.#options = options;
    this.#cut = options.cut ?? new TraceCut();
    this.#text = new MergedText(trace, this.#cut);
    this.#flowKernels = new FlowKernels(trace.facts);
  }

  /** Opens the file; packed when its name ends in `.gz`. */
  static open(path: string, trace: RunTrace, options: MergedTraceOptions = {}): MergedTraceWriter {
    return new MergedTraceWriter(TraceSink.open(path), trace, options);
  }

  /** Adds a rank, one call after the other; the first one's timeline sets the scale of thinning. */
  async addRank(timeline: RankTimeline, view = this.#trace.view(timeline)): Promise<void> {
    const { rank } = timeline;
    if (this.#ranks.has(rank)) throw new InvariantError(`rank ${rank} is in the merged trace already`);
    this.#ranks.add(rank);
    this.#counts.kernelsOfRun += view.content.kernels.count;
    if (!this.#cut.hasRank(rank)) return;
    const launched = launchedPhases(view, this.#trace.facts, this.#trace.sync);
    const phases = launched.filter(({ operation, instance }) => this.#cut.has(operation, instance));
    const ordered: OrderedRank = { rank, view, phases };
    this.#matrix.add(rank, view.content.bytesTo!);
    // Of a pipeline not every rank has the layers that are kept.
    if (this.#cut.cuts && phases.length === 0) return;
    this.#plan ??= this.#begin(ordered, timeline);
    this.#counts.ranks++;
    this.#counts.kernels += phases.reduce((sum, { kernels }) => sum + kernels.length, 0);
    const place = this.#cut.place(rank);
    if (place >= this.#plan.ranks) return;
    const metadata = this.#text.metadata(rank, view.content.transfers.length > 0);
    this.#put({ ...metadata, text: (this.#events === 0 ? '' : ',\n') + metadata.text });
    await this.#kernels(ordered, place === 0 ? this.#plan.kernelsOfRankZero : this.#plan.kernelsPerRank);
    this.#put(this.#text.transfers(ordered));
    if (this.#tracks !== undefined) {
      this.#put(trackMetadata(gpuPid(rank)));
      this.#put(this.#tracks.of(view, gpuPid(rank), this.#cut.span(phases)));
    }
    await this.#flows(ordered, timeline, this.#plan);
  }

  /** Completes the file. */
  async close(): Promise<TraceStatistics> {
    if (this.#plan === undefined) this.#sink.put(this.#head());
    await this.#sink.flush();
    const bytes = this.#matrix.text(this.#limit - this.#sink.bytesUnpacked - TAIL_BYTES);
    const thinning = JSON.stringify(this.#thinning());
    this.#sink.put(`\n],\n${bytes}${this.#windowText()}"thinning": ${thinning},\n"traceName": "trace.json"\n}\n`);
    const bytesWritten = await this.#sink.close();
    return { events: this.#events, bytesUnpacked: this.#sink.bytesUnpacked, bytesWritten };
  }

  /** Gives the file up: nothing is left of it unless it is complete. */
  discard(): Promise<void> {
    return this.#sink.discard();
  }

  get #complete(): boolean {
    return this.#options.complete ?? true;
  }

  get #limit(): number {
    return this.#options.maximumUnpackedBytes ?? DEFAULT_MAXIMUM_BYTES;
  }

  #put({ text, count }: EventText): void {
    this.#sink.put(text);
    this.#events += count;
  }

  async #putWithinRoom(text: EventText): Promise<void> {
    this.#put(text);
    if (this.#sink.full) await this.#sink.flush();
  }

  #head(): string {
    const { cuts, window } = this.#cut;
    const content = cuts ? `part of a run (${window.text}), virtual time` : 'all ranks, virtual time';
    const metadata = epemuMetadata(this.#trace.run, content, {
      ...this.#trace.programMetadata,
      ids: 'pid = 1 + rank; correlation = rank * stride + place of its launch among the calls of the rank; flow id = key of the segment',
    });
    return `{\n"schemaVersion": 1,\n"displayTimeUnit": "ms",\n"epemu": ${metadata},\n"traceEvents": [\n`;
  }

  /** @returns the member that says what was cut, with the separator behind it. */
  #windowText(): string {
    const { cuts, window } = this.#cut;
    if (!cuts) return '';
    const { kernels, kernelsOfRun } = this.#counts;
    const rule =
      'phases that touch the window are whole; figures, digest and the ranks’ own files are of the whole run';
    return `"window": ${JSON.stringify({ ...window, kernels: { inWindow: kernels, of: kernelsOfRun }, rule })},\n`;
  }

  /** Writes the head and plans from the first rank's events, as long as they would be for the last rank. */
  #begin(ordered: OrderedRank, { services }: RankTimeline): ThinningPlan {
    const head = this.#head();
    this.#sink.put(head);
    const { ranks } = this.#trace.run;
    const { endNs, operation, kernel } = ordered.view.content.kernels;
    const last: OrderedRank = { ...ordered, rank: ranks - 1 };
    const kept = this.#cut.rankCount(ranks);
    let phases = 0;
    let kernels = 0;
    let count = 0;
    let held = 0;
    for (const phase of ordered.phases) {
      count += phase.kernels.length;
      held += phase.kernels.filter(({ row }) => this.#flowKernels.holds(operation[row], kernel[row])).length;
      phases += Buffer.byteLength(this.#text.phase(last, phase).text);
      kernels += Buffer.byteLength(this.#text.kernels(last, phase).text);
    }
    const metadata = this.#text.metadata(ranks - 1, true).text.length + 2;
    const latest = microseconds(endNs.reduce((a, b) => Math.max(a, b), 0));
    const id = flowId(ranks, Math.max(0, ...this.#flowKernels.senders.keys()), 2, ranks - 1, ranks - 1, 0);
    const flow = [true, false].map((out) => flowText(out, 'dispatch', id, ranks, 100, latest).length);
    // Of two ranks one starts later at most, so that half of the flows end in slices of their own at most.
    const names = this.#trace.facts.program.operations.map(({ phase }) => phase);
    const longest = names.reduce((a, b) => (b.length > a.length ? b : a), '');
    const arrival = arrivalText(longest, ranks - 1, ranks, latest).length / 2;
    const [peers, operations] = [services.column('peer'), services.column('operation')];
    const sent = services
      .column('port')
      .filter(
        (port, row) => isOutPort(port) && this.#cut.hasRank(peers[row]) && this.#drawsFlows(operations[row]),
      ).length;
    const trackBytes = this.#trace.run.tracks === true ? this.#trackBytes(ordered) : 0;
    const plan = planThinning({
      maximumBytes: this.#limit,
      ranks: kept,
      fixedBytes: TAIL_BYTES + Buffer.byteLength(head) + this.#matrix.expectedBytes(this.#limit),
      rankBytes: DIGITS_MARGIN * (phases + metadata + Buffer.byteLength(this.#text.transfers(last).text)) + trackBytes,
      kernelBytes: (DIGITS_MARGIN * kernels) / Math.max(1, count),
      heldKernels: this.#cut.cuts ? held : this.#flowKernels.count,
      expectedKernels: this.#options.expectedKernels ?? count * kept,
      flowBytes: flow[0] + flow[1] + arrival,
      // Routing gives ranks unequal shares.
      expectedFlows: this.#options.expectedFlows ?? sent * kept * 1.1,
    });
    return this.#complete ? plan : { ...plan, flowThreshold: 0 };
  }

  /** Prepares tracks, by the first rank's. @returns the bytes that a rank's may take. */
  #trackBytes({ view, phases }: OrderedRank): number {
    const { ranks } = this.#trace.run;
    const most = (TRACKS_SHARE * this.#limit) / this.#cut.rankCount(ranks);
    const room = trackRoom(view, gpuPid(ranks - 1), this.#cut.span(phases), most);
    this.#tracks = new FittedTracks(room);
    return room + trackMetadata(gpuPid(ranks - 1)).text.length;
  }

  async #kernels(ordered: OrderedRank, limit: number): Promise<void> {
    const { count, startNs, endNs, operation, kernel } = ordered.view.content.kernels;
    const rows = ordered.phases.flatMap(({ kernels }) => kernels.map(({ row }) => row)).sort((a, b) => a - b);
    const { keep: kept, droppedUpToNs } = longestKernels(
      Float64Array.from(rows, (row) => endNs[row] - startNs[row]),
      (place) => this.#flowKernels.holds(operation[rows[place]], kernel[rows[place]]),
      limit,
    );
    const keep = new Uint8Array(count);
    rows.forEach((row, place) => (keep[row] = kept[place]));
    this.#counts.droppedUpToNs = Math.max(this.#counts.droppedUpToNs, droppedUpToNs);
    for (const phase of ordered.phases) {
      this.#put(this.#text.phase(ordered, phase));
      const text = this.#text.kernels(ordered, phase, keep);
      this.#put(text);
      this.#counts.kernelsKept += text.count;
      if (this.#sink.full) await this.#sink.flush();
    }
  }

  /** A rank's ends of the flows it takes part in: starts from its out-ports, ends from its in-ports. */
  async #flows({ rank, view }: OrderedRank, { services }: RankTimeline, plan: ThinningPlan): Promise<void> {
    const { run, facts } = this.#trace;
    const ports = services.column('port');
    const operations = services.column('operation');
    const hops = services.column('hop');
    const peers = services.column('peer');
    const origins = services.column('origin');
    const destinations = services.column('destination');
    const segments = services.column('segment');
    const starts = services.column('startNs');
    const ends = services.column('endNs');
    const drawn = (slices: Map<number, FlowSlice>): Map<number, FlowSlice> =>
      new Map([...slices].filter(([id]) => this.#drawsFlows(id)));
    const sending = drawn(flowSlices(view, this.#flowKernels.senders));
    const receiving = drawn(flowSlices(view, this.#flowKernels.receivers));
    const pid = gpuPid(rank);
    // Put together: to wait for each of a million flows takes longer than to write it.
    let text = '';
    let count = 0;
    const putAll = async (): Promise<void> => {
      await this.#putWithinRoom({ text, count });
      text = '';
      count = 0;
    };
    const take = (events: EventText): boolean => {
      text += events.text;
      count += events.count;
      return text.length > FLOW_TEXT_LENGTH;
    };
    for (const held of this.#flowEnds.sends(rank, sending)) if (take(held)) await putAll();
    for (let row = 0; row < services.count; row++) {
      const out = isOutPort(ports[row]);
      const operation = operations[row];
      const hop = hops[row];
      const origin = origins[row];
      const destination = destinations[row];
      const segment = segments[row];
      if (out && (!this.#cut.cuts || (this.#cut.hasRank(peers[row]) && this.#drawsFlows(operation))))
        this.#counts.flows++;
      if (!this.#cut.hasRank(peers[row]) || this.#cut.place(peers[row]) >= plan.ranks) continue;
      if (flowHash(operation, hop, origin, destination, segment) >= plan.flowThreshold) continue;
      const slice = (out ? sending : receiving).get(operation);
      if (slice === undefined) continue;
      const id = flowId(run.ranks, operation, hop, origin, destination, segment);
      const used = facts.operation(operation);
      if (out) {
        // Rounded down, so that a short segment does not end before it began.
        const ts = clampInto(slice, Math.floor(starts[row] / 1000));
        this.#counts.flowsKept++;
        const start = flowText(true, used.collective!.type, id, pid, slice.tid, ts);
        if (take({ text: start, count: 1 })) await putAll();
      } else {
        const end = this.#flowEnds.add(rank, peers[row], used, slice, id, microseconds(ends[row]));
        if (end !== undefined && take(end)) await putAll();
      }
    }
    for (const end of this.#flowEnds.flush()) if (take(end)) await putAll();
    await putAll();
  }

  #drawsFlows(operation: number): boolean {
    const { operations } = this.#trace.facts.program;
    return this.#cut.drawsFlows(operation, this.#flowKernels, operations);
  }

  #thinning(): Record<string, unknown> {
    const plan = this.#plan;
    const { ranks, kernels, kernelsKept, flows, flowsKept, droppedUpToNs } = this.#counts;
    return {
      limitBytes: this.#limit,
      ranks: { kept: Math.min(plan?.ranks ?? 0, ranks), of: ranks },
      kernels: {
        kept: kernelsKept,
        of: kernels,
        droppedUpToNs,
        rule: 'the shortest kernels of a rank are left out, of rank 0 last; kernels at which flows end stay',
      },
      ...(this.#tracks === undefined ? {} : { tracks: this.#tracks.thinning }),
      flows: {
        kept: flowsKept,
        of: flows,
        thresholdOf2To32: plan?.flowThreshold ?? 0,
        rule: this.#complete ? FLOW_RULE : NO_FLOWS_RULE,
      },
    };
  }
}
