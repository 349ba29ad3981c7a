import type { Instance } from './rank-view.js';

/** An order in which phases of one row (a layer, or a cell of training) started on a stream. */
export interface PhaseOrder {
  readonly stream: number;
  readonly phases: readonly string[];
}

/** Collects the orders that phases of a row really started in, over ranks: one a stream where all rows are alike. */
export class PhaseOrders {
  readonly #orders = new Map<string, PhaseOrder>();

  /** Takes a rank's operations. */
  add(instances: readonly Instance[]): void {
    const rows = new Map<string, { stream: number; instances: Instance[] }>();
    for (const instance of instances) {
      const { stream, row } = instance.operation;
      const key = `${stream} ${row}`;
      const found = rows.get(key);
      if (found === undefined) rows.set(key, { stream, instances: [instance] });
      else found.instances.push(instance);
    }
    for (const { stream, instances: started } of rows.values()) {
      started.sort((a, b) => a.startNs - b.startNs || a.operation.id - b.operation.id);
      const order = { stream, phases: started.map(({ operation }) => operation.phase) };
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
