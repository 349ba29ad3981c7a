import type { KernelIdentity, RankView } from '@epemu/timeline';
import type { RunFacts } from '../../model.js';
import { RankEdges } from '../../path/edges.js';
import type { Exchange, RankExchanges } from './exchanges.js';
import { collectiveCommType } from './schema.js';
import type { ChakraAttribute, ChakraNode, ChakraNodeType } from './schema.js';

/** What tells the nodes of one kernel apart. */
interface Variant {
  readonly type: ChakraNodeType;
  /** Added to the kernel's name. */
  readonly suffix: string;
  readonly attr: readonly ChakraAttribute[];
}

const COMPUTATION: Variant = { type: 'COMP_NODE', suffix: '', attr: [] };

/** Sends or receives of one kernel: a node a peer. */
function pairNodes(rank: number, exchange: Exchange | undefined, sends: boolean): Variant[] {
  if (exchange === undefined) return [];
  return exchange.peers.map(({ peer, bytes }) => ({
    type: sends ? 'COMM_SEND_NODE' : 'COMM_RECV_NODE',
    suffix: sends ? ` to ${peer}` : ` from ${peer}`,
    attr: [
      { name: 'comm_size', int64_val: bytes },
      { name: 'comm_src', int32_val: sends ? rank : peer },
      { name: 'comm_dst', int32_val: sends ? peer : rank },
      { name: 'comm_tag', int32_val: exchange.collective },
    ],
  }));
}

/** What a kernel is that moves bytes whose sizes are not known, or that only waits for others. */
function unsizedNode({ collective }: KernelIdentity): Variant {
  // A layout waits for nobody, and the first half of a split collective only sends off what its second half waits for.
  if (collective === undefined || collective.role === 'layout' || collective.role === 'send') return COMPUTATION;
  const commType = collectiveCommType(collective.role === 'notify' ? 'barrier' : collective.type);
  const attr = commType === undefined ? [] : [{ name: 'comm_type', int64_val: commType }];
  return { type: 'COMM_COLL_NODE', suffix: '', attr };
}

/** Makes nodes of one rank's kernels, in the order in which these start. */
export class RankNodes {
  readonly #view: RankView;
  readonly #facts: RunFacts;
  readonly #exchanges: RankExchanges;
  /** Id of each kernel's first node; ids of its others follow. */
  readonly #firstId: Uint32Array;

  constructor(view: RankView, facts: RunFacts, exchanges: RankExchanges) {
    this.#view = view;
    this.#facts = facts;
    this.#exchanges = exchanges;
    this.#firstId = new Uint32Array(view.content.kernels.count + 1);
  }

  /** @returns nodes one by one; each depends only on nodes before it. */
  *nodes(): Generator<ChakraNode> {
    const { kernels, streams } = this.#view.content;
    const { stream: ids } = kernels;
    const lastOnStream = new Int32Array(streams.length).fill(-1);
    let row = 0;
    for (const before of new RankEdges(this.#view, this.#facts).rows()) {
      // Rounding can make a kernel wait for one that starts with it; only what came first can have been waited for.
      const earlier = [...before].filter((other) => other < row).sort((a, b) => a - b);
      const previous = lastOnStream[ids[row]];
      const data = earlier.flatMap((other) => this.#idsOf(other));
      yield* this.#kernel(row, previous < 0 ? [] : this.#idsOf(previous), data);
      lastOnStream[ids[row]] = row++;
    }
  }

  #idsOf(row: number): number[] {
    const [first, next] = [this.#firstId[row], this.#firstId[row + 1]];
    return Array.from({ length: next - first }, (_, index) => first + index);
  }

  *#kernel(row: number, ctrl_deps: readonly number[], data_deps: readonly number[]): Generator<ChakraNode> {
    const { kernels } = this.#view.content;
    const { name } = this.#view.identity(row);
    const [startNs, endNs] = [kernels.startNs[row], kernels.endNs[row]];
    const start_time_micros = Math.round(startNs / 1000);
    const times = { start_time_micros, duration_micros: Math.round((endNs - startNs) / 1000) };
    const common = this.#attributes(row, startNs, endNs);
    let id = this.#firstId[row];
    for (const { type, suffix, attr } of this.#variants(row)) {
      yield { id: id++, name: name + suffix, type, ctrl_deps, data_deps, ...times, attr: [...common, ...attr] };
    }
    this.#firstId[row + 1] = id;
  }

  #variants(row: number): readonly Variant[] {
    const { sends, receives } = this.#exchanges;
    const [sent, received] = [sends.get(row), receives.get(row)];
    if (sent === undefined && received === undefined) return [unsizedNode(this.#view.identity(row))];
    const { rank } = this.#view;
    const pairs = [...pairNodes(rank, sent, true), ...pairNodes(rank, received, false)];
    // It ran all the same where there was nothing to move.
    return pairs.length === 0 ? [COMPUTATION] : pairs;
  }

  /** What all nodes of a kernel have; ns exactly, for Chakra's own times are whole µs. */
  #attributes(row: number, startNs: number, endNs: number): ChakraAttribute[] {
    const { kernels, streams, instances } = this.#view.content;
    const { id } = streams[kernels.stream[row]];
    const phase = instances[kernels.instance[row]]?.phase;
    const number = Number(id);
    return [
      { name: 'is_cpu_op', bool_val: false },
      Number.isSafeInteger(number) ? { name: 'stream', int64_val: number } : { name: 'stream', string_val: id },
      ...(phase === undefined ? [] : [{ name: 'phase', string_val: phase }]),
      { name: 'start_ns', int64_val: startNs },
      { name: 'duration_ns', int64_val: endNs - startNs },
    ];
  }
}
