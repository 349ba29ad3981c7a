import { isDenseLayer, rolesOf } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import type { EarlierForward, Exchange, Operation, Program } from './program.js';

/** An operation before its exchange is known. */
export type Placed = Omit<Operation, 'exchange' | 'peerRole'>;

/** What an operation exchanges, and with which role where that is not its group. */
interface Link {
  readonly exchange: number;
  readonly peerRole?: number;
}

/**
 * Lists the exchanges of a program: those of forwards before virtual time 0 first, then in launch order, role by role. What
 * ranks of several roles exchange with each other is one exchange, whichever operations it has on either side.
 */
export class ExchangeTable {
  readonly exchanges: Exchange[] = [];
  readonly earlier: EarlierForward[];
  readonly #configuration: Configuration;
  readonly #index = new Map<string, number>();
  readonly #links = new Map<number, Link>();
  readonly #neighbours: { receive?: number; send?: number }[] = [];

  /**
   * @param placeOf the micro-batch's place in its pass, by operation id.
   * @throws BadInputError where something is sent that nobody receives, or waited for that nobody sends.
   */
  constructor(configuration: Configuration, operations: readonly Placed[], placeOf: (id: number) => number) {
    this.#configuration = configuration;
    this.earlier = this.#earlierForwards(operations, placeOf);
    for (const operation of operations) {
      const { id, role, phase, layer, row, microBatch, collective } = operation;
      if (collective === undefined || collective.type === 'send' || collective.type === 'receive') continue;
      const { mode } = collective;
      const group = rolesOf(configuration)[role].group.name;
      const exchange = { group, layer, microBatch, mode, place: placeOf(id) };
      const key = mode === 'pipeline' ? `${group} ${phase} ${row}` : `${group} ${layer} ${microBatch}`;
      this.#links.set(id, { exchange: this.#add(key, exchange) });
    }
    this.#pairSends(operations, placeOf);
  }

  /** @returns what an operation exchanges; nothing where it does not communicate. */
  of({ id }: Placed): Link | undefined {
    return this.#links.get(id);
  }

  /** @returns from which role a role's tokens come forward, and to which they go. */
  neighbours(role: number): Program['neighbours'][number] {
    return this.#neighbours[role] ?? {};
  }

  #earlierForwards(operations: readonly Placed[], placeOf: (id: number) => number): EarlierForward[] {
    const mode = operations.some(({ collective }) => collective?.mode === 'low-latency') ? 'low-latency' : 'normal';
    const keyOf = ({ role, microBatch }: Placed): string => `${role} ${microBatch}`;
    const forward = new Set(operations.filter(({ direction }) => direction === 'forward').map(keyOf));
    const earlier = new Map<string, { role: number; microBatch: number; layers: Set<number>; place: number }>();
    for (const operation of operations) {
      const { id, role, microBatch, direction, layer } = operation;
      if (direction === 'forward' || forward.has(keyOf(operation))) continue;
      const entry = earlier.get(keyOf(operation)) ?? { role, microBatch, layers: new Set(), place: placeOf(id) };
      earlier.set(keyOf(operation), entry);
      entry.layers.add(layer);
    }
    for (const { role, microBatch } of earlier.values()) {
      const { name, layers } = rolesOf(this.#configuration)[role];
      if (layers.first === 0 && layers.last === this.#configuration.layers - 1) continue;
      const problem = `micro-batch ${microBatch} goes backward in role ${name}, which has not all layers`;
      throw new BadInputError('schedule.phases', `${problem}; let it go forward first, so that its input is known`);
    }
    return [...earlier.values()].map(({ role, microBatch, layers, place }) => ({
      role,
      microBatch,
      layers: [...layers]
        .sort((a, b) => a - b)
        .map((layer) => {
          const dense = isDenseLayer(this.#configuration, layer);
          if (dense) return { layer, dense };
          const group = rolesOf(this.#configuration)[role].group.name;
          const exchange = { group, layer, microBatch, mode, place } as const;
          return { layer, dense, exchange: this.#add(`${group} ${layer} ${microBatch}`, exchange) };
        }),
    }));
  }

  /** A send of a layer belongs to the receive of the next one (backward: of the one before). */
  #pairSends(operations: readonly Placed[], placeOf: (id: number) => number): void {
    const receives = new Map<string, Placed[]>();
    const keyOf = ({ direction, microBatch }: Placed, layer: number): string => `${direction} ${microBatch} ${layer}`;
    for (const operation of operations) {
      if (operation.collective?.type !== 'receive') continue;
      const key = keyOf(operation, operation.layer);
      receives.set(key, [...(receives.get(key) ?? []), operation]);
    }
    const roles = rolesOf(this.#configuration);
    for (const send of operations) {
      if (send.collective?.type !== 'send') continue;
      const key = keyOf(send, send.layer + (send.direction === 'forward' ? 1 : -1));
      // Where several roles have the same layers, the first of them sends to the first that has the next, and so on.
      const receive = receives.get(key)?.shift();
      if (receive === undefined || receive.role === send.role) {
        refuse(
          send,
          `${nameOf(send, roles[send.role].name)} sends what nobody receives; add a receive to the next role`,
        );
      }
      const [from, to] = [roles[send.role], roles[receive.role]];
      if (from.ranks.length !== to.ranks.length) {
        const counts = `${from.ranks.length} ranks send to the ${to.ranks.length} of ${to.name}`;
        refuse(send, `${nameOf(send, from.name)}: ${counts}; give both roles as many`);
      }
      const { layer, microBatch, direction } = send;
      const exchange = {
        group: `${from.name} to ${to.name}`,
        layer,
        microBatch,
        mode: 'pipeline',
        place: placeOf(send.id),
      } as const;
      const index = this.#add(`${direction} ${exchange.group} ${layer} ${microBatch}`, exchange);
      this.#links.set(send.id, { exchange: index, peerRole: receive.role });
      this.#links.set(receive.id, { exchange: index, peerRole: send.role });
      if (direction === 'backward') continue;
      this.#neighbours[send.role] = { ...this.#neighbours[send.role], send: receive.role };
      this.#neighbours[receive.role] = { ...this.#neighbours[receive.role], receive: send.role };
    }
    const [lonely] = [...receives.values()].flat();
    if (lonely !== undefined) {
      refuse(
        lonely,
        `${nameOf(lonely, roles[lonely.role].name)} waits for what nobody sends; add a send to the role before`,
      );
    }
  }

  #add(key: string, exchange: Exchange): number {
    const index = this.#index.get(key) ?? this.exchanges.push(exchange) - 1;
    this.#index.set(key, index);
    return index;
  }
}

function nameOf({ phase, layer, microBatch }: Placed, role: string): string {
  return `phase ${phase} of role ${role} (layer ${layer}, micro-batch ${microBatch})`;
}

function refuse({ phase }: Placed, message: string): never {
  throw new BadInputError(`schedule.phases (${phase})`, message);
}
