/** What the reader can ask of the timeline; points are pixels of the canvas. */
export interface TimelineActions {
  zoom(factor: number, x: number | null): void;
  /** Moves the view by a share of it. */
  pan(share: number): void;
  panPixels(x: number): void;
  scroll(pixels: number): void;
  fit(): void;
  stepExposed(step: number): void;
  /** Selects the next slice of the row, or the previous one. */
  stepSlice(step: number): void;
  /** Selects the slice at the same time on the next row, or on the previous one. */
  stepRow(step: number): void;
  zoomToSelected(): void;
  toggleKeys(): void;
  /** Closes what is pinned. */
  release(): void;
  point(event: PointerEvent | null): void;
  pin(event: PointerEvent): void;
  zoomToPiece(event: MouseEvent): void;
}

const ZOOM_STEP = 1.5;
const PAN_SHARE = 0.15;
const SCROLL_STEP = 60;
/** A pointer that moved less was not dragged, pixels. */
const CLICK_SLACK = 4;

const KEYS: Readonly<Record<string, (actions: TimelineActions) => void>> = {
  ArrowLeft: (actions) => {
    actions.pan(-PAN_SHARE);
  },
  ArrowRight: (actions) => {
    actions.pan(PAN_SHARE);
  },
  ArrowUp: (actions) => {
    actions.scroll(-SCROLL_STEP);
  },
  ArrowDown: (actions) => {
    actions.scroll(SCROLL_STEP);
  },
  '+': (actions) => {
    actions.zoom(1 / ZOOM_STEP, null);
  },
  '=': (actions) => {
    actions.zoom(1 / ZOOM_STEP, null);
  },
  '-': (actions) => {
    actions.zoom(ZOOM_STEP, null);
  },
  '0': (actions) => {
    actions.fit();
  },
  Home: (actions) => {
    actions.fit();
  },
  n: (actions) => {
    actions.stepExposed(1);
  },
  p: (actions) => {
    actions.stepExposed(-1);
  },
  '.': (actions) => {
    actions.stepSlice(1);
  },
  ',': (actions) => {
    actions.stepSlice(-1);
  },
  ']': (actions) => {
    actions.stepRow(1);
  },
  '[': (actions) => {
    actions.stepRow(-1);
  },
  Enter: (actions) => {
    actions.zoomToSelected();
  },
  '?': (actions) => {
    actions.toggleKeys();
  },
  Escape: (actions) => {
    actions.release();
  },
};

const BUTTONS: Readonly<Record<string, (actions: TimelineActions) => void>> = {
  in: KEYS['+'],
  out: KEYS['-'],
  fit: KEYS['0'],
  next: KEYS.n,
  previous: KEYS.p,
  keys: KEYS['?'],
};

function listenToPointer(canvas: HTMLCanvasElement, actions: TimelineActions): void {
  let last: { x: number; y: number } | null = null;
  let moved = 0;
  canvas.addEventListener('pointerdown', ({ button, clientX, clientY, pointerId }) => {
    if (button !== 0) return;
    canvas.setPointerCapture(pointerId);
    last = { x: clientX, y: clientY };
    moved = 0;
  });
  canvas.addEventListener('pointermove', (event) => {
    if (last === null) {
      actions.point(event);
      return;
    }
    const [x, y] = [event.clientX - last.x, event.clientY - last.y];
    moved += Math.abs(x) + Math.abs(y);
    last = { x: event.clientX, y: event.clientY };
    if (moved < CLICK_SLACK) return;
    canvas.classList.add('dragged');
    actions.point(null);
    actions.panPixels(-x);
    actions.scroll(-y);
  });
  canvas.addEventListener('pointerup', (event) => {
    if (last !== null && moved < CLICK_SLACK) actions.pin(event);
    last = null;
    canvas.classList.remove('dragged');
  });
  canvas.addEventListener('pointercancel', () => {
    last = null;
    canvas.classList.remove('dragged');
  });
  canvas.addEventListener('pointerleave', () => {
    actions.point(null);
  });
  canvas.addEventListener('dblclick', (event) => {
    actions.zoomToPiece(event);
  });
}

/** Connects wheel, pointer, keys and buttons with what they do. */
export function listen(timeline: HTMLElement, canvas: HTMLCanvasElement, actions: TimelineActions): void {
  canvas.addEventListener(
    'wheel',
    (event) => {
      const { ctrlKey, metaKey, shiftKey, deltaX, deltaY, offsetX } = event;
      const sideways = shiftKey && deltaX === 0 ? deltaY : deltaX;
      if (ctrlKey || metaKey) actions.zoom(1.002 ** deltaY, offsetX);
      else if (shiftKey || Math.abs(deltaX) > Math.abs(deltaY)) actions.panPixels(sideways);
      // Else the rows scroll, as any box does, and the page beyond their end.
      else return;
      event.preventDefault();
    },
    { passive: false },
  );
  listenToPointer(canvas, actions);
  canvas.addEventListener('keydown', (event) => {
    const action = KEYS[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action(actions);
  });
  for (const button of timeline.querySelectorAll<HTMLButtonElement>('[data-action]'))
    button.addEventListener('click', () => {
      BUTTONS[button.dataset.action ?? '']?.(actions);
    });
}
