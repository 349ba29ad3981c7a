import { byId, startCopyButtons, startTheme } from '@epemu/pages/client';
import { initialState } from '../state.js';
import type { LiveState } from '../state.js';
import { Connection } from './connection.js';
import { FiguresView } from './figures.js';
import { LogView } from './log-view.js';
import { OutputsView } from './outputs-view.js';
import { RankFacts } from './rank-facts.js';
import { RankGrid } from './rank-grid.js';
import { RankTimeline } from './rank-timeline.js';
import { RunStateView } from './run-state.js';
import { setText } from './text.js';
import { WorkersView } from './workers-view.js';

/** All of the page; what comes in one frame is drawn once. */
class Page {
  readonly #runState = new RunStateView();
  readonly #figures = new FiguresView();
  readonly #workers = new WorkersView();
  readonly #outputs = new OutputsView();
  readonly #log = new LogView();
  readonly #facts = new RankFacts();
  readonly #timeline = new RankTimeline();
  readonly #grid = new RankGrid((rank) => {
    this.#rank = rank;
    this.#draw();
  });
  #state: LiveState = initialState();
  #rank = 0;
  #isDue = false;

  show(state: LiveState): void {
    this.#state = state;
    this.#draw();
  }

  showConnected(connected: boolean): void {
    const [status, main] = [byId('connection', HTMLElement), byId('main', HTMLElement)];
    status.classList.toggle('lost', !connected);
    main.classList.toggle('stale', !connected);
    setText(status, connected ? 'live' : 'connection lost; connecting again');
    if (!connected) this.#runState.pause();
  }

  #draw(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      const state = this.#state;
      this.#grid.show(state);
      this.#runState.show(state);
      this.#figures.show(state);
      this.#workers.show(state);
      this.#outputs.show(state);
      this.#log.show(state);
      this.#facts.show(state, this.#rank);
      this.#timeline.show(state, this.#rank);
    });
  }
}

startTheme();
startCopyButtons();
const page = new Page();
new Connection({
  onState: (state) => {
    page.show(state);
  },
  onConnected: (connected) => {
    page.showConnected(connected);
  },
});
