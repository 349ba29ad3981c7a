import fc from 'fast-check';
import type { LayerBox, LayerPicture } from './picture.js';
import { toneOf } from './picture.js';

/** A box of a phase, µs. */
export function box(phase: string, startUs: number, endUs: number, more: Partial<LayerBox> = {}): LayerBox {
  const span = { startNs: startUs * 1000, endNs: endUs * 1000 };
  return { phase, ...span, tone: toneOf(phase), kind: 'phase', exposed: [], ...more };
}

/** A layer of training from 1000 µs to 11000 µs: six phases, four transfers, two of them cut, four gates. */
export function trainingLayer(): LayerPicture {
  const exposed = [{ startNs: 8_500_000, endNs: 9_500_000 }];
  return {
    ...{ title: 'train, 64 ranks: layer 1 of rank 0', startNs: 1_000_000, endNs: 11_000_000 },
    rows: [
      {
        ...{ kind: 'computation', sms: 112 },
        boxes: [
          box('attn(F)', 1000, 3000),
          box('mlp(B)', 3000, 5000),
          box('mlp(W)', 5000, 6500),
          box('mlp(F)', 6500, 8500),
          box('attn(B)', 9500, 10_950),
          box('attn(W)', 10_950, 11_000),
        ],
      },
      {
        ...{ kind: 'communication', sms: 20 },
        boxes: [
          box('combine(B)', 500, 2500),
          box('dispatch(F)', 3000, 4500),
          box('PP(F)', 5000, 6000),
          box('combine(F)', 8500, 12_000, { exposed }),
        ],
      },
    ],
    gates: [
      { from: { row: 1, box: 0 }, to: { row: 0, box: 1 } },
      { from: { row: 0, box: 0 }, to: { row: 1, box: 1 } },
      { from: { row: 0, box: 3 }, to: { row: 1, box: 3 } },
      // Neighbours: the stream's own order says as much.
      { from: { row: 0, box: 0 }, to: { row: 0, box: 1 } },
    ],
  };
}

/** Any picture: names of any characters, boxes that overlap, lie outside or last no time, gates to anywhere. */
export function anyPicture(): fc.Arbitrary<LayerPicture> {
  const span = fc.tuple(fc.integer({ min: -2000, max: 60_000 }), fc.integer({ min: 0, max: 20_000 }));
  const exposed = fc.array(
    span.map(([startNs, length]) => ({ startNs, endNs: startNs + length })),
    { maxLength: 2 },
  );
  const anyBox = fc
    .record({
      phase: fc.string({ unit: 'binary', maxLength: 24 }),
      tone: fc.constantFrom('orange', 'green', 'violet', 'neutral'),
      kind: fc.constantFrom('phase', 'issue', 'wait'),
      exposed,
      at: span,
    })
    .map(({ at: [startNs, length], ...more }) => ({ ...more, startNs, endNs: startNs + length }));
  const row = fc.record({
    kind: fc.constantFrom('computation', 'communication', 'network'),
    sms: fc.option(fc.integer({ min: 1, max: 132 })),
    boxes: fc.array(anyBox, { maxLength: 30 }),
  });
  const end = fc.record({ row: fc.nat(3), box: fc.nat(12) });
  return fc.record({
    title: fc.string({ unit: 'binary', maxLength: 300 }),
    startNs: fc.constant(0),
    endNs: fc.integer({ min: 0, max: 50_000 }),
    rows: fc.array(row, { maxLength: 4 }),
    gates: fc.array(fc.record({ from: end, to: end }), { maxLength: 14 }),
  });
}
