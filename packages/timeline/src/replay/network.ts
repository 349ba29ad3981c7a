import { InvariantError } from '@epemu/core';
import type { Copies } from '@epemu/presets';
import type { Operation, Port, Program } from '@epemu/schedule';
import {
  isOutPort,
  movementIdOf,
  portCount,
  portsOf,
  programOf,
  splitsByNode,
  transferOperations,
} from '@epemu/schedule';
import { PortClock, SlowLinks } from '../ports.js';
import type { ServiceColumns } from '../rank-timeline.js';
import type { RankRecord } from '../rank-record.js';
import type { ReplayModel } from './model.js';
import type { EventQueue } from './queue.js';

/** A recorded segment, and where it is in the visiting order of its sender. */
export interface ReplaySegment {
  /** As the sender's role has it, and as the receiver's has. */
  readonly operation: Operation;
  readonly received: Operation;
  readonly hop: number;
  readonly sender: number;
  readonly receiver: number;
  readonly origin: number;
  readonly destination: number;
  readonly number: number;
  readonly bytes: number;
  /** Order among segments that become ready at once. */
  readonly visit: readonly number[];
}

/** When a segment begins to be there to be sent, and when all of it is. */
export interface Readiness {
  readonly readyNs: number;
  readonly arrivedNs: number;
}

/** A segment that has come to a port. */
interface Waiting {
  readonly readyNs: number;
  readonly service: () => void;
}

/** What a port still has to do for one (operation, hop) before it turns to the next. */
interface Turn {
  readonly id: number;
  remaining: number;
  /** Segments that the port has not turned to, in event order. */
  readonly waiting: Waiting[];
}

/** A port that takes (operation, hop) in program order; segments come to it as events. */
class ReplayPort {
  readonly clock = new PortClock();
  readonly #turns: Turn[];
  /** Lets the port turn to a segment at a time; absent: it does at once. */
  readonly #at: ((timeNs: number, operation: number, happen: () => void) => void) | undefined;
  #current = 0;
  #isTurning = false;

  constructor(turns: Turn[], at?: (timeNs: number, operation: number, happen: () => void) => void) {
    this.#turns = turns;
    this.#at = at;
    this.#advance();
  }

  /** Serves when it is this operation's turn: an out-port once it is free. */
  serve(id: number, readyNs: number, service: () => void): void {
    const turn = this.#turns.find((candidate, index) => index >= this.#current && candidate.id === id);
    if (turn === undefined) throw new InvariantError(`a segment of operation ${id} came after its turn`);
    turn.waiting.push({ readyNs, service });
    this.#advance();
  }

  #advance(): void {
    while (!this.#isTurning) {
      const turn = this.#turns[this.#current];
      if (turn === undefined) return;
      if (turn.remaining === 0) {
        this.#current++;
        continue;
      }
      const next = turn.waiting.shift();
      if (next === undefined) return;
      this.#turnTo(turn, next);
    }
  }

  #turnTo(turn: Turn, { readyNs, service }: Waiting): void {
    const serve = (): void => {
      this.#isTurning = false;
      service();
      turn.remaining--;
    };
    this.#isTurning = true;
    if (this.#at === undefined) {
      serve();
      return;
    }
    this.#at(Math.max(this.clock.freeNs, readyNs), turn.id, () => {
      serve();
      this.#advance();
    });
  }
}

/** Adds to the first-byte and last-byte times of what one header announces: a wire that is tampered with. */
export interface HeaderDelay {
  /** Number of the movement, as it stands in the header. */
  readonly movement: number;
  readonly hop: number;
  readonly from: number;
  readonly to: number;
  readonly delayNs: number;
}

/** Ports of all ranks and the segments between them. */
export class ReplayNetwork {
  readonly #model: ReplayModel;
  readonly #queue: EventQueue;
  readonly #ports: ReplayPort[][];
  readonly #slowLinks = new SlowLinks();
  readonly #services: (rank: number) => ServiceColumns;
  readonly #delays: readonly HeaderDelay[];
  /** By sender and operation × 4 + hop: what its kernel copies, of the hops whose kernels do. */
  readonly #copies: readonly ReadonlyMap<number, Copies>[];
  /** By sender and operation × 4 + hop. */
  readonly segments: readonly ReadonlyMap<number, readonly ReplaySegment[]>[];

  constructor(
    model: ReplayModel,
    queue: EventQueue,
    program: Program,
    records: readonly RankRecord[],
    services: (rank: number) => ServiceColumns,
    delays: readonly HeaderDelay[],
  ) {
    this.#model = model;
    this.#queue = queue;
    this.#services = services;
    this.#delays = delays;
    const receivedAs = receivingOperations(program);
    this.segments = records.map((record) => segmentsOf(program, record, model, receivedAs));
    this.#copies = records.map((record, index) => copiesOf(record, this.segments[index]));
    const counts = new Map<string, number>();
    const count = (rank: number, port: Port, operation: number): void => {
      const key = `${rank}:${port}:${operation}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    };
    for (const segment of this.segments.flatMap((byHop) => [...byHop.values()].flat())) {
      const ports = model.ports(segment.operation, segment.hop);
      count(segment.sender, ports.out, segment.operation.id);
      count(segment.receiver, ports.in, segment.received.id);
    }
    this.#ports = records.map(({ rank }) => {
      const transfers = transferOperations(programOf(program, rank));
      return Array.from({ length: portCount(program) }, (_, port) => {
        const users = transfers.filter(({ collective }) => portsOf(collective!).includes(port));
        const turns = users.map(({ id }): Turn => {
          return { id, remaining: counts.get(`${rank}:${port}:${id}`) ?? 0, waiting: [] };
        });
        // Out-ports look at what computes when they turn to a segment, behind all else that happens then.
        return isOutPort(port)
          ? new ReplayPort(turns, (timeNs, id, happen) => {
              queue.at(timeNs, [9, id, port, rank], happen);
            })
          : new ReplayPort(turns);
      });
    });
  }

  /**
   * Lets a segment become ready at its sender.
   * @param ready when it begins to be there, and when all of it is.
   * @param load tells, when a port turns to it, what computes beside the sender's transfer, in millionths.
   * @param sent told the end of the out-port's service.
   * @param arrived told the in-port's service.
   */
  send(
    segment: ReplaySegment,
    { readyNs, arrivedNs }: Readiness,
    load: () => number,
    sent: (endNs: number) => void,
    arrived: (service: { startNs: number; endNs: number }) => void,
  ): void {
    const { operation, hop, sender, receiver } = segment;
    const model = this.#model;
    const ports = model.ports(operation, hop);
    const copies = this.#copies[sender].get(operation.id * 4 + hop);
    // Behind what begins to come in at the same time, which may be forwarded from then on.
    this.#queue.at(readyNs, [2, operation.id, hop, sender, ...segment.visit], () => {
      const port = this.#ports[sender][ports.out];
      port.serve(operation.id, readyNs, () => {
        const { leadNs, totalNs } = model.service(sender, operation, hop, segment, load(), copies);
        const service = port.clock.serveOut(readyNs, totalNs, arrivedNs);
        this.#record(operation, sender, ports.out, receiver, segment, service);
        const share = model.linkShare(sender, receiver);
        const link = `${sender} ${ports.out} ${receiver}`;
        const heldNs = share === 1 ? 0 : this.#slowLinks.delayNs(link, service, (totalNs - leadNs) / share);
        sent(service.endNs + heldNs);
        const extraNs = model.hopLatencyNs(operation, hop) + this.#delayNs(segment) + heldNs;
        this.#receive(segment, ports.in, service.startNs + leadNs + extraNs, service.endNs + extraNs, arrived);
      });
    });
  }

  #receive(
    segment: ReplaySegment,
    inPort: Port,
    firstByteNs: number,
    lastByteNs: number,
    arrived: (service: { startNs: number; endNs: number }) => void,
  ): void {
    const { received, hop, receiver, sender, origin, destination, number } = segment;
    const durationNs = this.#model.receiveNs(receiver, received, hop, segment.bytes);
    this.#queue.at(firstByteNs, [1, received.id, hop, receiver, origin, destination, number], () => {
      const port = this.#ports[receiver][inPort];
      port.serve(received.id, firstByteNs, () => {
        const service = port.clock.serveIn(firstByteNs, lastByteNs, durationNs);
        this.#record(received, receiver, inPort, sender, segment, service);
        arrived(service);
      });
    });
  }

  #delayNs({ operation, hop, sender, receiver }: ReplaySegment): number {
    return this.#delays
      .filter((d) => d.movement === movementIdOf(operation) && d.hop === hop && d.from === sender && d.to === receiver)
      .reduce((sum, d) => sum + d.delayNs, 0);
  }

  #record(
    operation: Operation,
    rank: number,
    port: Port,
    peer: number,
    segment: ReplaySegment,
    service: { startNs: number; endNs: number },
  ): void {
    const { hop, origin, destination, number, bytes } = segment;
    if (!operation.recorded) return;
    this.#services(rank).push(
      port,
      operation.id,
      hop,
      peer,
      origin,
      destination,
      number,
      bytes,
      service.startNs,
      service.endNs,
    );
  }
}

/** @returns how a rank that receives has the transfer that an operation of the sender's is. */
function receivingOperations(program: Program): (receiver: number, sent: Operation) => Operation {
  const receivers = new Map<string, Operation>();
  for (const transfer of transferOperations(program)) {
    if (transfer.collective!.type !== 'send') receivers.set(`${transfer.role} ${movementIdOf(transfer)}`, transfer);
  }
  const roleOf = new Map(program.roles.flatMap(({ ranks }, role) => ranks.map((rank) => [rank, role] as const)));
  return (receiver, sent) => receivers.get(`${roleOf.get(receiver)} ${movementIdOf(sent)}`)!;
}

/** Reads what a rank's kernels copied, with the bytes that its segments of each hop have. */
function copiesOf(
  { copies }: RankRecord,
  segments: ReadonlyMap<number, readonly ReplaySegment[]>,
): ReadonlyMap<number, Copies> {
  const [operation, hop, tokens, toNodes, toRanks] = copies.names.map((name) => copies.column(name));
  const byHop = new Map<number, Copies>();
  for (let i = 0; i < copies.count; i++) {
    const key = operation[i] * 4 + hop[i];
    const linkBytes = (segments.get(key) ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
    byHop.set(key, { tokens: tokens[i], toNodes: toNodes[i], toRanks: toRanks[i], linkBytes });
  }
  return byHop;
}

/** Reads a rank's recorded segments and works out its visiting order: peers round-robin from its own index + 1. */
function segmentsOf(
  program: Program,
  record: RankRecord,
  model: ReplayModel,
  receivedAs: ReturnType<typeof receivingOperations>,
): Map<number, ReplaySegment[]> {
  const [operation, hop, peer, origin, destination, number, bytes] = record.segments.names.map((name) =>
    record.segments.column(name),
  );
  const byHop = new Map<number, ReplaySegment[]>();
  const rank = record.rank;
  const group = model.group(rank);
  const onNode = model.onNode(rank).length;
  const placeOf = new Map(group.map((member, place) => [member, place]));
  const distance = (to: number): number => (placeOf.get(to) ?? 0) - placeOf.get(rank)! + 2 * group.length;
  const turn = (to: number): number => (distance(to) - 1) % group.length;
  const turnOfNext = (to: number): number => (distance(to) - onNode) % group.length;
  for (let i = 0; i < record.segments.count; i++) {
    const key = operation[i] * 4 + hop[i];
    const list = byHop.get(key) ?? [];
    byHop.set(key, list);
    const sent = program.operations[operation[i]];
    list.push({
      operation: sent,
      received: receivedAs(peer[i], sent),
      hop: hop[i],
      sender: rank,
      receiver: peer[i],
      origin: origin[i],
      destination: destination[i],
      number: number[i],
      bytes: bytes[i],
      visit: [origin[i], turn(destination[i]), number[i]],
    });
  }
  for (const [key, list] of byHop) {
    const collective = list[0].operation.collective!;
    // Where the own node is left to another link, the first peer is on the next node.
    const turnOfPeer = splitsByNode(collective) && key % 4 === 1 ? turnOfNext : turn;
    if (key % 4 !== 1 && collective.mode === 'normal') continue;
    // All are ready at once, and each peer's queue gives one segment in turn.
    const queues = new Map<number, ReplaySegment[]>();
    for (const segment of list) queues.set(segment.receiver, [...(queues.get(segment.receiver) ?? []), segment]);
    const ordered = [...queues.values()].flatMap((queue) =>
      queue
        .sort((a, b) => a.number - b.number || turn(a.destination) - turn(b.destination))
        .map((segment, place) => ({ ...segment, visit: [place, turnOfPeer(segment.receiver), 0] })),
    );
    byHop.set(key, ordered);
  }
  return byHop;
}
