import { PERFETTO } from '../perfetto-origin.js';

const PING_MS = 50;
/** A slow network may take long to load the viewer. */
const PATIENCE_MS = 60_000;

/** Waits until Perfetto's window answers. @throws when it is closed, or silent for too long. */
async function answered(viewer: Window): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  await new Promise<void>((resolve, reject) => {
    const ping = setInterval(() => {
      if (viewer.closed) end(new Error('its window was closed'));
      else if (performance.now() > deadline) end(new Error('it did not answer within a minute'));
      // The window is at another origin until it has loaded; what is sent then is dropped.
      else viewer.postMessage('PING', PERFETTO);
    }, PING_MS);
    const listen = ({ data, origin, source }: MessageEvent): void => {
      if (origin === PERFETTO && source === viewer && data === 'PONG') end();
    };
    const end = (error?: Error): void => {
      clearInterval(ping);
      window.removeEventListener('message', listen);
      if (error === undefined) resolve();
      else reject(error);
    };
    window.addEventListener('message', listen);
  });
}

/**
 * Opens a trace in Perfetto: its window gets the bytes from this page by `postMessage`, and they leave the browser for
 * nowhere.
 * @throws Error saying what was not to be had: the trace, a window, or an answer.
 */
export async function openInPerfetto(path: string, title: string): Promise<void> {
  // Before anything is waited for: later, the browser would take it for a pop-up that nobody asked for.
  const viewer = window.open(PERFETTO);
  if (viewer === null) throw new Error('the browser blocked its window; allow pop-ups for this page');
  const response = await fetch(path);
  if (!response.ok) throw new Error(`the trace cannot be read (${(await response.text()).trim()})`);
  const [buffer] = await Promise.all([response.arrayBuffer(), answered(viewer)]);
  viewer.postMessage({ perfetto: { buffer, title } }, PERFETTO, [buffer]);
}
