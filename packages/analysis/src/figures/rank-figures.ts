import type { OverlapFigures, PhaseInstance, RankView, TimeWindow } from '@epemu/timeline';
import { exposedPieces, piecesWithin } from './exposed.js';
import type { ExposedInterval } from './exposed.js';
import { layerStarts, steadyWindow } from './layers.js';

/** Figures of one window: with background transfers counted as communication, and by kernels alone, as HTA reads them. */
export interface WindowFigures {
  readonly full: OverlapFigures;
  readonly kernelsOnly: OverlapFigures;
}

/** What one rank says by itself: worked out once, from it all figures over ranks are summed. */
export interface RankFigures {
  readonly view: RankView;
  readonly whole: WindowFigures;
  /** Between its first layer and its last; undefined of too few layers. */
  readonly steady: WindowFigures | undefined;
  /** The phases that begin its layers, ascending. */
  readonly layers: readonly PhaseInstance[];
  /** Communication with no compute running, the longest first. */
  readonly exposed: readonly ExposedInterval[];
  /** What of it lies between its first layer and its last; all of it of too few layers. */
  readonly steadyExposed: readonly ExposedInterval[];
}

/** @param marker the phase whose starts bound a layer. */
export function rankFigures(view: RankView, marker: string | undefined): RankFigures {
  const figures = (window?: TimeWindow): WindowFigures => ({
    full: view.figures(true, window),
    kernelsOnly: view.figures(false, window),
  });
  const layers = layerStarts(view, marker);
  const window = steadyWindow(layers.map(({ startNs }) => startNs));
  const exposed = exposedPieces(view);
  return {
    view,
    whole: figures(),
    steady: window === undefined ? undefined : figures(window),
    layers,
    exposed,
    steadyExposed: window === undefined ? exposed : piecesWithin(exposed, window),
  };
}
