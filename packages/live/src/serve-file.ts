import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { OpenFile } from './run-files.js';

/**
 * Answers with a file, piece by piece. Bytes that it grows by meanwhile are not sent.
 * @returns whether all of it was sent to somebody who asked for all.
 */
export async function serveFile(
  request: IncomingMessage,
  response: ServerResponse,
  { handle, bytes }: OpenFile,
  headers: Readonly<Record<string, string>>,
): Promise<boolean> {
  response.writeHead(200, { 'content-length': bytes, 'cache-control': 'no-store', ...headers });
  if (request.method === 'HEAD' || bytes === 0) {
    await handle.close();
    response.end();
    return request.method !== 'HEAD';
  }
  try {
    await pipeline(handle.createReadStream({ end: bytes - 1 }), response);
    return true;
  } catch {
    // Whoever asked has gone, or the file has shrunk: the length that was promised tells them.
    response.destroy();
    return false;
  }
}
