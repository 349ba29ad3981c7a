import type { BytesTo } from '@epemu/timeline';

/** Ranks above which the matrix is left out of a merged trace: it has ranks² numbers of each kind. */
const MATRIX_RANKS = 512;
/** Largest part of a trace that the matrix may take. */
const MATRIX_SHARE = 0.1;

/** The `bytes` member of a merged trace, gathered rank by rank as text: a row per sender. */
export class ByteMatrix {
  readonly #ranks: number;
  readonly #senders: number[] = [];
  readonly #rdma: string[] = [];
  readonly #nvlink: string[] = [];

  constructor(ranks: number) {
    this.#ranks = ranks;
  }

  /** Adds what one rank sent. */
  add(rank: number, { rdma, nvlink }: BytesTo): void {
    if (this.#ranks > MATRIX_RANKS) return;
    this.#senders.push(rank);
    this.#rdma.push(`[${rdma.join(',')}]`);
    this.#nvlink.push(`[${nvlink.join(',')}]`);
  }

  /**
   * @returns the bytes that the member will take when all ranks send about what the first one did, 0 where it would take
   * too large a part of the limit.
   */
  expectedBytes(limit: number): number {
    const row = this.#rdma.concat(this.#nvlink).join('');
    // Other ranks' numbers may have a digit more.
    const expected = this.#ranks * (row.length + row.split(',').length + String(this.#ranks).length + 1);
    return expected > limit * MATRIX_SHARE ? 0 : expected;
  }

  /** @returns the member with the separator behind it; nothing where it was left out or takes more room than there is. */
  text(room: number): string {
    if (this.#ranks > MATRIX_RANKS) return '';
    const rows = `"rdma": [\n${this.#rdma.join(',\n')}\n],\n"nvlink": [\n${this.#nvlink.join(',\n')}\n]`;
    const text = `"bytes": {"senders": [${this.#senders.join(',')}],\n${rows}},\n`;
    return text.length > room ? '' : text;
  }
}
