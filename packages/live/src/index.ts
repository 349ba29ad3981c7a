export { LivePage, pageUrl } from './live-page.js';
export { serveTraceOnce, type ServedTrace } from './trace-server.js';
