import { expect } from 'chai';
import { UnreachableWorkerError, checkReachable } from './reachable.js';

const worker = (name: string, host: string, url: string): Parameters<typeof checkReachable>[0][number] => ({
  name,
  host,
  machine: host,
  url,
});

describe('workers of several hosts', () => {
  it('must not listen at a loopback address, and are told so in one sentence', () => {
    const workers = [worker('ranks 0–7', 'a', 'ws://127.0.0.1:1'), worker('ranks 8–15', 'b', 'ws://10.0.0.2:1')];
    expect(() => {
      checkReachable(workers, false);
    }).to.throw(
      UnreachableWorkerError,
      'peers of ranks 0–7 on a are told 127.0.0.1, which ranks 8–15 on b cannot reach; give that worker an address',
    );
  });

  it('may where all are on one', () => {
    checkReachable([worker('rank 0', 'a', 'ws://127.0.0.1:1'), worker('rank 1', 'a', 'ws://[::1]:1')], false);
    checkReachable([worker('rank 0', 'a', 'ws://10.0.0.1:1'), worker('rank 1', 'b', 'ws://10.0.0.2:1')], false);
  });

  it('must not be in clear where the coordinator has TLS', () => {
    const [encrypted, clear] = ['wss', 'ws'].map((scheme, i) => worker(`rank ${i}`, 'a', `${scheme}://10.0.0.1:1`));
    checkReachable([encrypted], true);
    expect(() => {
      checkReachable([encrypted, clear], true);
    }).to.throw(
      UnreachableWorkerError,
      'rank 1 on a takes connections of its peers in clear, but the coordinator has TLS',
    );
  });
});
