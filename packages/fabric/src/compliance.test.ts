import { type ConnectMesh, describeFabric, type Mesh } from './compliance.test-suite.js';
import type { Fabric, FabricStatistics } from './fabric.js';
import { MemoryFabric } from './memory.js';
import { WebSocketFabric } from './websocket.js';

function addUp(fabrics: readonly Fabric[]): FabricStatistics {
  const all = fabrics.map(({ statistics }) => statistics);
  const sum = { ...all[0] } as Record<keyof FabricStatistics, number>;
  for (const statistics of all.slice(1)) {
    for (const name of Object.keys(sum) as (keyof FabricStatistics)[]) {
      if (name === 'maxQueuedPayloads') sum[name] = Math.max(sum[name], statistics[name]);
      else sum[name] += statistics[name];
    }
  }
  return sum;
}

/** @param ranksPerWorker how many ranks share a fabric. @param extra limits that make rare paths common. */
function overWebSockets(ranksPerWorker: number, extra: { frameBytes?: number; highWaterBytes?: number }): ConnectMesh {
  return async (receivers, limits): Promise<Mesh> => {
    const workerOfRank = receivers.map((_, rank) => Math.floor(rank / ranksPerWorker));
    const workers = [...new Set(workerOfRank)];
    const fabrics = workers.map(
      (worker) => new WebSocketFabric({ worker, workerOfRank, runId: 'run', token: 'secret', ...limits, ...extra }),
    );
    const endpoints = receivers.map((receiver, rank) => fabrics[workerOfRank[rank]].attach(rank, receiver));
    const ports = await Promise.all(fabrics.map((fabric) => fabric.listen()));
    const peers = ports.map(({ host, port }, worker) => ({ worker, url: `ws://${host}:${port}` }));
    await Promise.all(fabrics.map((fabric, own) => fabric.connect(peers.filter(({ worker }) => worker !== own))));
    return {
      endpoints,
      statistics: () => addUp(fabrics),
      close: async () => {
        await Promise.all(fabrics.map((fabric) => fabric.close()));
      },
    };
  };
}

describeFabric('MemoryFabric', (receivers, limits) => {
  const fabric = new MemoryFabric(limits);
  return Promise.resolve({
    endpoints: receivers.map((receiver, rank) => fabric.attach(rank, receiver)),
    statistics: () => fabric.statistics,
    close: () => fabric.close(),
  });
});
describeFabric('WebSocketFabric with a worker per rank', overWebSockets(1, {}));
describeFabric('WebSocketFabric with two ranks a worker', overWebSockets(2, {}));
describeFabric('WebSocketFabric with tiny frames', overWebSockets(1, { frameBytes: 100 }));
describeFabric('WebSocketFabric with congested sockets', overWebSockets(1, { highWaterBytes: 0 }));
