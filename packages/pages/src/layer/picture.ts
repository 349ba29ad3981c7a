/**
 * What a box stands for, as the published figures colour it: orange for forward or micro-batch 0, green for backward
 * or micro-batch 1, violet for pipeline communication; neutral where a name says neither.
 */
export type Tone = 'orange' | 'green' | 'violet' | 'neutral';

/** One phase in the picture of a layer. */
export interface LayerBox {
  /** As traces name it: `mlp(B)`, `DISPATCH(0)`, `issue COMBINE(1)`, `wait DISPATCH(0)`. */
  readonly phase: string;
  readonly startNs: number;
  readonly endNs: number;
  readonly tone: Tone;
  /** Issues and waits of background transfers are drawn as bars, all else as boxes. */
  readonly kind: 'phase' | 'issue' | 'wait';
  /** Stretches of the box in which communication is exposed, integer ns. */
  readonly exposed: readonly { readonly startNs: number; readonly endNs: number }[];
}

/** A row: what runs on one kind of stream. */
export interface LayerRow {
  readonly kind: 'computation' | 'communication' | 'network';
  /** SMs that it has; null where they are not known (and for the network, which has none). */
  readonly sms: number | null;
  readonly boxes: readonly LayerBox[];
}

/** An arrow from the end of one box to the start of another that waited for it; rows and boxes by index. */
export interface LayerGate {
  readonly from: { readonly row: number; readonly box: number };
  readonly to: { readonly row: number; readonly box: number };
}

/** One steady layer of one rank, to scale. Boxes may begin before the layer or end after it: they are clipped. */
export interface LayerPicture {
  /** `train, 64 ranks: layer 1 of rank 0`. */
  readonly title: string;
  readonly startNs: number;
  readonly endNs: number;
  readonly rows: readonly LayerRow[];
  readonly gates: readonly LayerGate[];
}

/** @returns the tone of a phase by its name: `(F)`, `(0)`; `(B)`, `(W)`, `(1)`; `PP…`. */
export function toneOf(phase: string): Tone {
  if (/\bPP\b/.test(phase)) return 'violet';
  if (/\((?:F|0)\)/.test(phase)) return 'orange';
  return /\((?:B|W|1)\)/.test(phase) ? 'green' : 'neutral';
}
