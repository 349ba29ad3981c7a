import { expect } from 'chai';
import type { RunEvent } from '../run-events.js';
import { WorkerTargets } from './worker-targets.js';

const worker = { worker: 0, pid: 1, host: 'here', ranks: [0] };
const CONNECTING: RunEvent = {
  type: 'connecting',
  workers: [{ ...worker, metricsTarget: '10.0.0.1:9464' }, worker, { ...worker, metricsTarget: '10.0.0.2:9464' }],
};
/** Of which nothing but its type counts here. */
const ENDED = { type: 'ended' } as RunEvent;

describe('the targets of a run’s workers', () => {
  it('are those that serve metrics, from when they listen until they may have left', () => {
    const targets = new WorkerTargets(3600);
    expect(targets.groups).to.deep.equal([]);
    targets.note(CONNECTING);
    expect(targets.groups).to.deep.equal([{ targets: ['10.0.0.1:9464', '10.0.0.2:9464'] }]);
    targets.note(ENDED);
    expect(targets.groups).to.have.length(1);
  });

  it('are none any more once workers that do not stay have left', () => {
    const targets = new WorkerTargets(-1);
    targets.note(CONNECTING);
    targets.note(ENDED);
    expect(targets.groups).to.deep.equal([]);
  });

  it('are none where no worker serves metrics', () => {
    const targets = new WorkerTargets(1);
    targets.note({ type: 'connecting', workers: [worker] });
    expect(targets.groups).to.deep.equal([]);
  });
});
