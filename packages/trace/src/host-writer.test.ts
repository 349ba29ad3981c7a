import { join } from 'node:path';

import { Columns } from '@epemu/core';
import { expect } from 'chai';

import { RUN, withDirectory } from './fixture.test-helper.js';
import { HOST_EVENT_COLUMNS, HOST_KIND, type HostEvents, writeHostTrace } from './host-writer.js';
import { lintTrace } from './lint.js';
import { readTrace } from './reader.js';

function worker(number: number, offsetNs: number): HostEvents {
  const events = new Columns(HOST_EVENT_COLUMNS);
  const at = 5_000_000 - offsetNs + 1000 * number;
  events.push(HOST_KIND.task, at + 100, at + 90_000, 1, 0, 1);
  for (let i = 0; i < 20; i++) {
    // Six frames under way at once.
    events.push(HOST_KIND.send, at + 10_000 * i, at + 10_000 * i + 55_000, 0, 4096, 1 - number);
    events.push(HOST_KIND.receive, at + 10_000 * i, at + 10_000 * i + 4_000, 0, 4096, 1 - number);
  }
  const ranks = [0, 1].map((index) => number * 2 + index);
  return { worker: number, pid: 1234 + number, host: 'node-a', ranks, offsetNs, events };
}

describe('writeHostTrace', () => {
  it('writes a file in which lint finds nothing, although frames overlap', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'host-trace.json.gz');
      const statistics = await writeHostTrace(path, RUN, [worker(0, 0), worker(1, -40)]);
      expect(await lintTrace(path)).to.deep.equal([]);
      const { events } = await readTrace(path);
      expect(statistics.events).to.equal(events.length);
      expect(events.filter(({ ph }) => ph === 'X')).to.have.length(2 * 41);
    }));

  it("brings workers onto the coordinator's clock, from the earliest event on", () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'host-trace.json');
      await writeHostTrace(path, RUN, [worker(1, 3_000_000), worker(0, 0)]);
      const { events } = await readTrace(path);
      const first = (pid: number): number =>
        Math.min(...events.filter((event) => event.ph === 'X' && event.pid === pid).map(({ ts }) => ts!));
      expect([first(1), first(2)]).to.deep.equal([0, 1]);
      const tasks = events.filter(({ name }) => name === 'expert forward');
      expect(tasks.map(({ args }) => args!['start ns'])).to.have.members([5_000_100, 5_001_100]);
    }));

  it('names processes and rows for people', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'host-trace.json');
      await writeHostTrace(path, RUN, [worker(1, 0)], { originNs: 0 });
      const { events } = await readTrace(path);
      const names = events.filter(({ name }) => /^(process|thread)_name$/.test(name)).map(({ args }) => args!.name);
      expect(names).to.include.members([
        'worker 01 (ranks 2–3, pid 1235, node-a)',
        'event loop sends',
        'event loop sends (2)',
        'event loop receives',
        'compute thread 1',
      ]);
    }));

  it('streams workers one at a time when it is given the time to count from', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'host-trace.json');
      let alive = 0;
      function* workers(): Generator<HostEvents> {
        for (let number = 0; number < 3; number++) {
          alive++;
          yield worker(number, 0);
          alive--;
          expect(alive).to.equal(0);
        }
      }
      await writeHostTrace(path, RUN, workers(), { originNs: 4_000_000 });
      const { events } = await readTrace(path);
      expect(Math.min(...events.filter(({ ph }) => ph === 'X').map(({ ts }) => ts!))).to.equal(1000);
    }));
});
