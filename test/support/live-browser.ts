import type { Browser, BrowserContext, Page } from 'playwright-core';

/** The viewer that traces are handed to; in tests a stand-in answers for it. */
export const PERFETTO = 'https://ui.perfetto.dev';

/**
 * What Perfetto's page does with a trace that another page hands it: answers each PING, keeps the buffer. A trace at a
 * `url` in the address is fetched, as it does too.
 */
const STAND_IN = `<!doctype html><title>stand-in</title><script>
const taken = [];
addEventListener('message', async ({ data, source, origin }) => {
  if (data === 'PING') source.postMessage('PONG', origin);
  else if (data.perfetto) {
    taken.push({ title: data.perfetto.title, origin });
    await keep(data.perfetto.buffer);
  }
});
async function keep(buffer) {
  const digest = await crypto.subtle.digest('SHA-256', buffer);
  const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  window.kept = { bytes: buffer.byteLength, sha256: hex, taken };
}
const url = /[?&]url=([^&]+)/.exec(location.hash)?.[1];
if (url) fetch(url).then((response) => response.arrayBuffer()).then(keep, (error) => { window.failed = String(error); });
</script>`;

/** What the stand-in says of a trace that it was given. */
export interface KeptTrace {
  readonly bytes: number;
  readonly sha256: string;
  readonly taken: readonly { readonly title: string; readonly origin: string }[];
}

/** A live page in a browser, and what it should not have said or asked for. */
export interface LivePageInBrowser {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly messages: string[];
  /** Addresses asked for, of all pages of the context. */
  readonly requests: string[];
}

/** Opens a live page; Perfetto's address is answered by the stand-in, no other leaves this machine. */
export async function openLive(
  browser: Browser,
  url: string,
  look: Parameters<Browser['newContext']>[0] = {},
): Promise<LivePageInBrowser> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...look });
  const messages: string[] = [];
  const requests: string[] = [];
  await context.route(`${PERFETTO}/**`, (route) => route.fulfill({ contentType: 'text/html', body: STAND_IN }));
  context.on('console', (message) => messages.push(message.text()));
  context.on('weberror', (error) => messages.push(error.error().message));
  context.on('request', (request) => requests.push(request.url()));
  const page = await context.newPage();
  await page.goto(url);
  return { context, page, messages, requests };
}
