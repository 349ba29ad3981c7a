/** Entry of the worker processes that `epemu run` starts; options come by environment, the token never by argv. */
import { EXIT_CODE, EpemuError, messageOf } from '@epemu/core';
import { parseListenAddress } from '@epemu/http';
import type { ListenAddress } from '@epemu/http';
import { runWorker } from './worker.js';

const { EPEMU_COORDINATOR: coordinatorUrl, EPEMU_TOKEN: token, EPEMU_SLOTS: slots } = process.env;
const { EPEMU_METRICS: metricsAddress = '', EPEMU_METRICS_LINGER: linger = '0' } = process.env;

// A worker without its parent or its coordinator has nothing to do: three ways lead out (see also --pdeathsig).
process.on('disconnect', () => process.exit(EXIT_CODE.failure));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // The coordinator decides how a run ends; a Ctrl-C reaches the whole foreground group.
  process.on(signal, () => {
    if (!process.connected) process.exit(EXIT_CODE.terminated);
  });
}

async function run(): Promise<void> {
  if (coordinatorUrl === undefined || token === undefined) {
    throw new EpemuError('EPEMU_COORDINATOR and EPEMU_TOKEN are not set; start workers by epemu run or epemu worker');
  }
  const address = (): ListenAddress =>
    parseListenAddress('EPEMU_METRICS', metricsAddress, { host: '127.0.0.1', port: 0 });
  await runWorker({
    coordinatorUrl,
    token,
    slots: Number(slots ?? '1'),
    ...(metricsAddress === '' ? {} : { metrics: { address: address(), lingerSeconds: Number(linger) } }),
  });
}

run().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(error instanceof EpemuError ? error.exitCode : EXIT_CODE.failure);
  },
);
