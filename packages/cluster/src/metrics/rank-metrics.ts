import type { Configuration } from '@epemu/config';
import type { Fabric } from '@epemu/fabric';
import type { Collector, Exposition } from '@epemu/metrics';
import { isOutPort, linkOfPort } from '@epemu/schedule';
import type { Program, ProgramLink } from '@epemu/schedule';
import { RunningFigures } from '@epemu/timeline';
import type { CollectiveListener } from '@epemu/timeline';
import type { RankGroup } from '../worker/rank-group.js';

const seconds = (ns: number): number => ns / 1e9;

/** A rank's figures, and how it is labelled. */
interface FollowedRank {
  readonly labels: { readonly rank: number; readonly node: number };
  readonly figures: RunningFigures;
}

/**
 * Shows the ranks of a process and what moves and computes their tokens. A scrape takes in what the ranks have recorded
 * since the one before: its cost does not grow with the run.
 */
export class RankMetrics implements Collector {
  readonly #group: RankGroup;
  readonly #fabric: Fabric;
  readonly #ranks: readonly FollowedRank[];
  readonly #links: readonly ProgramLink[];

  constructor(group: RankGroup, fabric: Fabric, configuration: Configuration, program: Program) {
    this.#group = group;
    this.#fabric = fabric;
    this.#links = program.links;
    const { nodeSize } = configuration.hardware;
    this.#ranks = group.ranks.map(({ rank, timeline }) => ({
      labels: { rank, node: Math.floor(rank / nodeSize) },
      figures: new RunningFigures(timeline, program),
    }));
  }

  collect(exposition: Exposition): void {
    for (const rank of this.#ranks) collectRank(rank, this.#links, exposition);
    this.#collectFabric(exposition);
    const { threads, tasks, busyNs, queuedTasks } = this.#group.computeStatistics;
    exposition.set('computeThreads', {}, threads);
    exposition.set('computeTasks', {}, tasks);
    exposition.set('computeBusy', {}, seconds(busyNs));
    exposition.set('computeQueue', {}, queuedTasks);
  }

  #collectFabric(exposition: Exposition): void {
    const { statistics } = this.#fabric;
    const both = (key: 'wireBytes' | 'messages' | 'frames', out: number, into: number): void => {
      exposition.set(key, { direction: 'out' }, out);
      exposition.set(key, { direction: 'in' }, into);
    };
    both('wireBytes', statistics.wireBytesSent, statistics.wireBytesReceived);
    both('messages', statistics.messagesSent, statistics.messagesReceived);
    both('frames', statistics.framesSent, statistics.framesReceived);
    exposition.set('creditsTaken', {}, statistics.creditsTaken);
    exposition.set('payloadsWaiting', {}, statistics.payloadsWaiting);
    exposition.set('payloadsQueued', {}, statistics.payloadsQueued);
    exposition.set('decodeErrors', {}, statistics.decodeErrors);
  }
}

function collectRank({ labels, figures }: FollowedRank, links: readonly ProgramLink[], exposition: Exposition): void {
  const { node } = labels;
  const onCollective: CollectiveListener = (name, { direction }, durationNs) => {
    exposition.observe(name, { node, direction }, seconds(durationNs));
  };
  figures.update(onCollective);
  exposition.set('virtualTime', labels, seconds(figures.reachedNs));
  exposition.set('rankSpan', labels, seconds(figures.spanNs));
  exposition.set('compute', labels, seconds(figures.computeNs));
  exposition.set('communication', labels, seconds(figures.communicationNs));
  exposition.set('exposed', labels, seconds(figures.exposedNs));
  // Nothing is a share of no communication; 0 would say that none of it was hidden.
  if (figures.communicationNs > 0) {
    exposition.set('overlap', labels, figures.overlapNs / figures.communicationNs);
  }
  for (const { stream, phase, ns } of figures.busy()) {
    exposition.set('streamBusy', { ...labels, stream: stream ?? 'network', phase }, seconds(ns));
  }
  figures.ports.forEach(({ bytes, segments }, port) => {
    const link = links[linkOfPort(port)].name;
    const direction = isOutPort(port) ? 'out' : 'in';
    exposition.set('linkBytes', { ...labels, link, direction }, bytes);
    exposition.set('linkSegments', { ...labels, link, direction }, segments);
  });
  exposition.set('receivedTokens', labels, figures.receivedTokens);
  exposition.set('expertRows', labels, figures.expertRows);
}
