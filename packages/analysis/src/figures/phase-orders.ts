import type { PhaseInstance, RankView } from '@epemu/timeline';

/** An order in which phases of one row (a layer, or a cell of training) started on a stream. */
export interface PhaseOrder {
  readonly stream: number;
  readonly phases: readonly string[];
}

/** Collects the orders that phases of a row really started in, over ranks: one a stream where all rows are alike. */
export class PhaseOrders {
  readonly #rowOf: (instance: PhaseInstance) => number;
  readonly #orders = new Map<string, PhaseOrder>();

  /** @param rowOf the row of the schedule that launched a phase. */
  constructor(rowOf: (instance: PhaseInstance) => number) {
    this.#rowOf = rowOf;
  }

  /** Takes a rank's phases. */
  add({ content: { instances, streams } }: RankView): void {
    const rows = new Map<string, { stream: number; instances: PhaseInstance[] }>();
    for (const instance of instances) {
      const stream = Number(streams[instance.stream].id);
      const key = `${stream} ${this.#rowOf(instance)}`;
      const found = rows.get(key);
      if (found === undefined) rows.set(key, { stream, instances: [instance] });
      else found.instances.push(instance);
    }
    for (const { stream, instances: started } of rows.values()) {
      started.sort((a, b) => a.startNs - b.startNs || a.operation! - b.operation!);
      const order = { stream, phases: started.map(({ phase }) => phase) };
      this.#orders.set(JSON.stringify(order), order);
    }
  }

  /** @returns the distinct orders, ascending by stream. */
  result(): PhaseOrder[] {
    return [...this.#orders]
      .sort(([a, { stream: first }], [b, { stream: second }]) => first - second || (a < b ? -1 : 1))
      .map(([, order]) => order);
  }
}
