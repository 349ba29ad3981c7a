import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { deferred } from '@epemu/core';
import { GetServer } from '@epemu/http';
import type { ListenAddress } from '@epemu/http';
import { PERFETTO } from './perfetto-origin.js';
import { contentType } from './run-files.js';
import { serveFile } from './serve-file.js';

/** The only local address that the viewer's own policy lets it fetch from. */
export const TRACE_ADDRESS: ListenAddress = { host: '127.0.0.1', port: 9001 };

/** A trace that waits to be fetched. */
export interface ServedTrace {
  /** Opens the viewer, which fetches the trace. */
  readonly url: string;
  /** Resolves once the trace was fetched in full. */
  readonly fetched: Promise<void>;
  close(): Promise<void>;
}

/**
 * Serves one trace to Perfetto's page, as Perfetto's own `open_trace_in_ui` does.
 * @param path a readable file.
 * @throws ListenError when something else listens at the port.
 */
export async function serveTraceOnce(path: string): Promise<ServedTrace> {
  const name = encodeURIComponent(basename(path));
  const fetched = deferred<undefined>();
  const server = new GetServer({
    what: 'the trace',
    option: 'moment: Perfetto fetches from no other port',
    pages: [PERFETTO],
    routes: {
      [`/${name}`]: async (request, response) => {
        const handle = await open(path);
        const { size: bytes } = await handle.stat();
        const { socket } = response;
        const sent = await serveFile(
          request,
          response,
          { handle, bytes },
          {
            'content-type': contentType(path),
            'access-control-allow-origin': PERFETTO,
            vary: 'origin',
            connection: 'close',
          },
        );
        if (!sent) return;
        // Sent is not received: the connection closes when the last byte has left.
        if (socket === null || socket.destroyed) fetched.resolve(undefined);
        else
          socket.once('close', () => {
            fetched.resolve(undefined);
          });
      },
    },
  });
  const { host, port } = await server.listen(TRACE_ADDRESS);
  return {
    url: `${PERFETTO}/#!/?url=http://${host}:${port}/${name}`,
    fetched: fetched.promise,
    close: () => server.close(),
  };
}
