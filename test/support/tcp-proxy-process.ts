/** Runs a {@link TcpProxy} as a process of its own, with its options as JSON in the first argument. */
import { TcpProxy } from './tcp-proxy.js';
import type { TcpProxyOptions } from './tcp-proxy.js';

await TcpProxy.start(JSON.parse(process.argv[2]) as TcpProxyOptions);
process.stdout.write('listens\n');
