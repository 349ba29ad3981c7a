import { lowerBound, microseconds } from '@epemu/core';
import { subtract } from '@epemu/timeline';
import { functionName, parseKernelName } from '@epemu/trace';
import type { CollectiveRole, RankView, TimeWindow } from '@epemu/timeline';
import type { ExposedPiece } from './figure-report.js';

/** A piece of communication with no compute running on its rank. Times are ns. */
export interface ExposedInterval {
  readonly rank: number;
  readonly startNs: number;
  readonly endNs: number;
  /** Phase of the communication that fills most of it; empty where it has none. */
  readonly phase: string;
  /** What that communication was at: waiting for other ranks, or moving bytes. */
  readonly waitsFor: CollectiveRole;
  /** Phase of the compute that comes next; undefined at the end. */
  readonly blocked: string | undefined;
}

/** Looks up, for one rank, what fills an exposed piece and what follows it. */
class Explainer {
  readonly #view: RankView;
  /** Rows of communication and of compute kernels, ascending by start. */
  readonly #communication: number[] = [];
  readonly #compute: number[] = [];
  readonly #computeStarts: Float64Array;
  readonly #communicationStarts: Float64Array;
  readonly #longestNs: number;

  constructor(view: RankView) {
    this.#view = view;
    const { count, startNs: starts, endNs: ends } = view.content.kernels;
    let longestNs = 0;
    for (let row = 0; row < count; row++) {
      const kernelClass = view.class(row);
      if (kernelClass === 'compute') this.#compute.push(row);
      if (kernelClass !== 'communication') continue;
      this.#communication.push(row);
      longestNs = Math.max(longestNs, ends[row] - starts[row]);
    }
    this.#longestNs = longestNs;
    this.#computeStarts = Float64Array.from(this.#compute, (row) => starts[row]);
    this.#communicationStarts = Float64Array.from(this.#communication, (row) => starts[row]);
  }

  #phase(row: number | undefined): string | undefined {
    const { instances, kernels } = this.#view.content;
    return row === undefined ? undefined : (instances[kernels.instance[row]]?.phase ?? this.#kernel(row));
  }

  /** What a kernel is called that no annotation tells of: a collective as in a trace that has no annotations. */
  #kernel(row: number): string {
    const { collective, name } = this.#view.identity(row);
    return collective?.type ?? functionName(parseKernelName(name));
  }

  explain(startNs: number, endNs: number): Pick<ExposedInterval, 'phase' | 'waitsFor' | 'blocked'> {
    const { kernels, transfers } = this.#view.content;
    const { startNs: starts, endNs: ends } = kernels;
    let most = 0;
    let found: Pick<ExposedInterval, 'phase' | 'waitsFor'> = { phase: '', waitsFor: 'transfer' };
    const offer = (from: number, to: number, make: () => typeof found): void => {
      const shared = Math.min(to, endNs) - Math.max(from, startNs);
      if (shared > most) [most, found] = [shared, make()];
    };
    const first = lowerBound(this.#communicationStarts, startNs - this.#longestNs);
    for (let i = first; i < this.#communication.length && this.#communicationStarts[i] < endNs; i++) {
      const row = this.#communication[i];
      offer(starts[row], ends[row], () => {
        const waitsFor = this.#view.identity(row).collective?.role ?? 'transfer';
        return { phase: this.#phase(row) ?? '', waitsFor };
      });
    }
    for (const transfer of transfers) {
      offer(transfer.startNs, transfer.endNs, () => ({ phase: transfer.phase, waitsFor: 'transfer' }));
    }
    const { phase, waitsFor } = found;
    return { phase, waitsFor, blocked: this.#phase(this.#compute[lowerBound(this.#computeStarts, endNs)]) };
  }
}

/** @returns a piece as reports and analyses give it, µs. */
export function exposedPiece<Wait>(
  piece: Omit<ExposedInterval, 'waitsFor'> & { readonly waitsFor: Wait },
): Omit<ExposedPiece, 'waitsFor'> & { readonly waitsFor: Wait } {
  const { rank, phase, startNs, endNs, waitsFor, blocked } = piece;
  const times = { startUs: microseconds(startNs), us: microseconds(endNs - startNs) };
  return { rank, phase, ...times, waitsFor, blocked: blocked ?? null };
}

type TimedPiece = Pick<ExposedInterval, 'rank' | 'startNs' | 'endNs'>;

/** Orders pieces, the longest first; ties go to the lower rank, then to the earlier one. */
export function longer(a: TimedPiece, b: TimedPiece): number {
  return b.endNs - b.startNs - (a.endNs - a.startNs) || a.rank - b.rank || a.startNs - b.startNs;
}

/** @returns what of pieces lies in a window, the longest first. */
export function piecesWithin(pieces: readonly ExposedInterval[], { startNs, endNs }: TimeWindow): ExposedInterval[] {
  return pieces
    .map((piece) => ({ ...piece, startNs: Math.max(piece.startNs, startNs), endNs: Math.min(piece.endNs, endNs) }))
    .filter((piece) => piece.endNs > piece.startNs)
    .sort(longer);
}

/** @returns a rank's exposed pieces, the longest first. */
export function exposedPieces(view: RankView): ExposedInterval[] {
  const { starts, ends } = subtract(view.communication, view.compute);
  if (starts.length === 0) return [];
  const explainer = new Explainer(view);
  return Array.from(starts, (startNs, index): ExposedInterval => {
    const { phase, waitsFor, blocked } = explainer.explain(startNs, ends[index]);
    return { rank: view.rank, startNs, endNs: ends[index], phase, waitsFor, blocked };
  }).sort(longer);
}
