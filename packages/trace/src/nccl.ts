import { isOutPort, processGroupOf } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import type { ServiceColumns } from '@epemu/timeline';

import { quote } from './json.js';
import type { RunDescription } from './run.js';

/** Kineto prints at most so many elements of a list, then `, ...`. */
const LIST_LIMIT = 30;
const BF16_BYTES = 2;

/** Bytes that a rank sent to and received from each peer in one operation, both hops together. */
interface PeerBytes {
  readonly sent: Float64Array;
  readonly received: Float64Array;
}

/** Adds port services up by operation and peer: what went over the links, forwarded bytes included. */
function bytesByPeer(services: ServiceColumns, ranks: number): ReadonlyMap<number, PeerBytes> {
  const operations = services.column('operation');
  const ports = services.column('port');
  const peers = services.column('peer');
  const bytes = services.column('bytes');
  const sums = new Map<number, PeerBytes>();
  let last = -1;
  let current: PeerBytes | undefined;
  for (let row = 0; row < services.count; row++) {
    const operation = operations[row];
    if (operation !== last || current === undefined) {
      current = sums.get(operation);
      if (current === undefined) {
        current = { sent: new Float64Array(ranks), received: new Float64Array(ranks) };
        sums.set(operation, current);
      }
      last = operation;
    }
    const port = ports[row];
    const direction = isOutPort(port) ? current.sent : current.received;
    direction[peers[row]] += bytes[row];
  }
  return sums;
}

function listText(values: ArrayLike<number>): string {
  const shown = Array.prototype.slice.call(values, 0, LIST_LIMIT).join(', ');
  return quote(values.length > LIST_LIMIT ? `[${shown}, ...]` : `[${shown}]`);
}

interface ElementType {
  readonly dtype: string;
  readonly bytes: number;
}

function elementType(operation: Operation, run: RunDescription): ElementType {
  const { type, mode } = operation.collective!;
  const bytes = type === 'dispatch' && mode !== 'pipeline' ? run.bytesPerElementDispatch : BF16_BYTES;
  if (bytes === BF16_BYTES) return { dtype: 'BFloat16', bytes };
  // FP8 goes over the wire as bytes, and TraceLens knows no type of eight bits but this.
  return { dtype: 'Byte', bytes: 1 };
}

function describe(name: string, element: string, sizes: string, group: string): string {
  return `,"Collective name":"${name}","dtype":"${element}"${sizes}${group}`;
}

/** Writes the args that PyTorch's profiler adds to kernels of a collective. */
export class CollectiveArgs {
  readonly #run: RunDescription;
  readonly #bytes: ReadonlyMap<number, PeerBytes>;
  readonly #program: Program;
  readonly #rank: number;
  readonly #groups = new Map<string, string>();

  constructor(run: RunDescription, program: Program, rank: number, services: ServiceColumns) {
    this.#program = program;
    this.#run = run;
    this.#bytes = bytesByPeer(services, run.ranks);
    this.#rank = rank;
  }

  /**
   * The synchronisation before a transfer. A fresh layout's one exchanges token counts, the same number with every
   * rank; a reused layout's only waits for the others.
   */
  notify(operation: Operation): string {
    const group = this.#groupOf(operation);
    if (operation.collective?.cached === true) {
      const none = ',"In msg nelems":0,"Out msg nelems":0,"In split size":"[]","Out split size":"[]"';
      return describe('barrier', 'Byte', none, group);
    }
    const { length: ranks } = processGroupOf(this.#program, this.#rank, operation).ranks;
    const sizes = `,"In msg nelems":${ranks},"Out msg nelems":${ranks},"In split size":"[]","Out split size":"[]"`;
    return describe('all_to_all', 'Int', sizes, group);
  }

  /**
   * The transfer: elements sent to ("In", the input tensor) and received from ("Out") each rank. Where a collective is
   * split, its issue shows what is sent and its wait what is received, so that sums over kernels count bytes once.
   * Kineto cuts its lists and rounds to elements, so `bytes to` has the exact bytes to every rank beside them.
   */
  transfer(operation: Operation): string {
    const element = elementType(operation, this.#run);
    const bytes = this.#bytes.get(operation.kind === 'wait' ? (operation.issue ?? operation.id) : operation.id);
    const elements = (values: Float64Array | undefined): Float64Array =>
      (values ?? new Float64Array(this.#run.ranks)).map((value) => Math.floor(value / element.bytes));
    const sent = operation.kind === 'wait' ? new Float64Array(0) : elements(bytes?.sent);
    const received = operation.kind === 'issue' ? new Float64Array(0) : elements(bytes?.received);
    const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
    const sizes =
      `,"In msg nelems":${total(sent)},"Out msg nelems":${total(received)}` +
      `,"In split size":${listText(sent)},"Out split size":${listText(received)}`;
    const exact =
      operation.kind === 'wait' ? '' : `,"bytes to":[${(bytes?.sent ?? new Float64Array(this.#run.ranks)).join(',')}]`;
    const name =
      operation.peerRole === undefined ? 'all_to_allv' : operation.collective!.type === 'send' ? 'send' : 'recv';
    return describe(name, element.dtype, sizes + exact, this.#groupOf(operation));
  }

  /** The args that name an operation's process group; one text for all that are alike. */
  #groupOf(operation: Operation): string {
    const { name, description, ranks } = processGroupOf(this.#program, this.#rank, operation);
    const key = `${name} ${ranks.length === 2 ? ranks.join() : ''}`;
    let text = this.#groups.get(key);
    if (text === undefined) {
      text =
        `,"Group size":${ranks.length},"Process Group Name":${quote(name)}` +
        `,"Process Group Description":${quote(description)},"Process Group Ranks":${listText(ranks)},"Rank":${this.#rank}`;
      this.#groups.set(key, text);
    }
    return text;
  }
}
