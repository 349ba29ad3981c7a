import { byId } from '@epemu/pages/client';
import type { LiveState, LiveWorker } from '../state.js';
import { counted, microsecondsText, setText } from './text.js';

interface Figure {
  readonly label: string;
  readonly value: string;
  readonly note: string;
}

const NONE = '–';

/** Ranks of workers in one state. */
function ranksIn({ facts }: LiveState, state: LiveWorker['state']): number {
  return facts.workers.reduce((sum, worker) => sum + (worker.state === state ? worker.ranks.length : 0), 0);
}

function ranksFigure(state: LiveState): Figure {
  const { head, facts } = state;
  const label = 'Ranks';
  if (facts.workers.length === 0) return { label, value: NONE, note: `of ${head?.ranks ?? 0}` };
  const stopped = ranksIn(state, 'stopped');
  const others = stopped > 0 ? `${stopped} stopped` : `${ranksIn(state, 'finished')} finished`;
  return { label, value: `${ranksIn(state, 'running')} running`, note: `${others} · ${ranksIn(state, 'lost')} lost` };
}

function lagFigure({ head, facts: { lag } }: LiveState): Figure {
  const label = 'Virtual lag';
  if (lag === null || head === null) return { label, value: NONE, note: 'latest behind earliest' };
  const most = lag.ns.reduce((a, b) => Math.max(a, b));
  return { label, value: microsecondsText(most), note: `rank ${lag.ns.indexOf(most)} in layer ${lag.layer}` };
}

function paceFigures({ facts: { pace } }: LiveState): Figure[] {
  const perGpu = pace?.tokensPerSecondPerGpu ?? null;
  const perNode = pace?.tokensPerSecondPerNode ?? null;
  const number = (value: number): string => Math.round(value).toLocaleString('en');
  return [
    {
      label: 'Layer time',
      value: pace === null ? NONE : microsecondsText(pace.layerUs * 1000),
      note: pace === null ? 'virtual' : `virtual; mean of ${counted(pace.layers, 'layer')}`,
    },
    {
      label: 'Throughput per GPU',
      value: perGpu === null ? NONE : `${number(perGpu)} tokens/s`,
      note: perNode === null ? 'virtual' : `virtual; ${number(perNode)} a node`,
    },
  ];
}

function liveFigures(state: LiveState): readonly Figure[] {
  const { messages, lag } = state.facts;
  const rows = (state.head?.lastRow ?? -1) + 1;
  return [
    ranksFigure(state),
    {
      label: 'Rows of the schedule',
      value: lag === null ? NONE : `${lag.row + 1} of ${rows}`,
      note: 'ended by all ranks',
    },
    ...paceFigures(state),
    lagFigure(state),
    {
      label: 'Messages',
      value: `${messages.perSecond.toLocaleString('en')} /s`,
      note: `host; ${messages.sent.toLocaleString('en')} sent`,
    },
  ];
}

/** Tiles: what a run is at, and after it what it came to. */
export class FiguresView {
  readonly #tiles = [...byId('figures', HTMLElement).children];

  show(state: LiveState): void {
    const { result } = state.facts;
    // A failed run has no figures of its own: what was seen last stays.
    const figures = result?.status === 'ok' ? result.figures : liveFigures(state);
    this.#tiles.forEach((tile, index) => {
      const { label, value, note } = figures[index] ?? { label: '', value: '', note: '' };
      const [labelElement, valueElement, noteElement] = tile.children;
      setText(labelElement, label);
      setText(valueElement, value);
      setText(noteElement, note === '' ? '\u00a0' : note);
    });
  }
}
