export { DEFAULT_PAGE_ADDRESS, LivePage, pageUrl } from './live-page.js';
export { serveTraceOnce, TRACE_ADDRESS, type ServedTrace } from './trace-server.js';
