/** A kernel's work in numbers; which of them count depends on the model of its kind. */
export interface KernelShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Matrices of k × n in all. */
  readonly weights: number;
  /** Rows of each matrix where they differ: experts'. They stand in for `m` and `weights`. */
  readonly groups?: readonly number[];
  readonly flops: number;
  readonly bytes: number;
  /** Keys that one query attends to. */
  readonly keys?: number;
  /** Tiles of queries that attention is cut into, over all heads. */
  readonly tiles?: number;
}
