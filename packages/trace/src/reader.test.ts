import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect } from 'chai';

import { withDirectory } from './fixture.test-helper.js';
import { readTrace, readTraceEvents } from './reader.js';
import { TraceScanner } from './scanner.js';

const TRICKY = {
  before: { traceEvents: [{ ph: 'not an event' }], text: 'a "quote", a brace { and \\' },
  list: [1, [2, '"traceEvents": [']],
  traceEvents: [
    { ph: 'X', name: 'brackets ]}" and \\', pid: 1, tid: 2, ts: 3, dur: 4, args: { nested: [{ deep: ['}'] }] } },
    { args: { first: '\\"' }, tid: 'a', pid: '', name: 'ünïcödé – 名', ph: 'i', ts: 1.5 },
    { ph: 'e' },
  ],
  after: { rank: 7 },
};

describe('readTraceEvents', () => {
  it('reads events of any key order and nesting, wherever the text is cut', () => {
    const text = JSON.stringify(TRICKY, null, 1);
    for (const size of [1, 2, 3, 7, 64, 10_000]) {
      const scanner = new TraceScanner();
      let events = '';
      for (let at = 0; at < text.length; at += size) {
        const completed = scanner.feed(text.slice(at, at + size));
        if (completed !== '') events += (events === '' ? '' : ',') + completed;
      }
      expect(JSON.parse(`[${events}]`)).to.deep.equal(TRICKY.traceEvents);
      expect(scanner.finished).to.equal(true);
      expect(JSON.parse(scanner.metadataText)).to.deep.equal({ ...TRICKY, traceEvents: [] });
    }
  });

  it('tells plain from gzip by content and fills what events lack', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'misnamed.json');
      await writeFile(path, gzipSync(JSON.stringify(TRICKY)));
      const { metadata, events } = await readTrace(path);
      expect(metadata).to.have.keys('before', 'list', 'after');
      expect(events[2]).to.deep.equal({ ph: 'e', name: '', pid: '', tid: '' });
    }));

  it('reads a bare array of events and an empty one', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'array.json');
      await writeFile(path, ' [ {"ph":"X"} , {"ph":"i"} ] \n');
      expect((await readTrace(path)).events.map(({ ph }) => ph)).to.deep.equal(['X', 'i']);
      await writeFile(path, '{"traceEvents":[]}');
      expect(await readTrace(path)).to.deep.equal({ metadata: {}, events: [] });
    }));

  it('makes every name a text and drops args that are no mapping', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'odd.json');
      const odd = [{ name: 5 }, { name: null, args: null }, { name: {}, args: [1] }, { name: 'a', args: 'text' }];
      const mapping = { name: 'b', args: { c: 1 } };
      await writeFile(path, JSON.stringify([...odd, mapping].map((event) => ({ ph: 'X', ...event }))));
      const { events } = await readTrace(path);
      expect(events.map(({ name, args }) => [name, args])).to.deep.equal([
        ['5', undefined],
        ['', undefined],
        ['', undefined],
        ['a', undefined],
        ['b', { c: 1 }],
      ]);
    }));

  it('skips a byte-order mark before an object and before an array', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'marked.json');
      await writeFile(path, `\uFEFF${JSON.stringify(TRICKY)}`);
      expect((await readTrace(path)).metadata).to.have.keys('before', 'list', 'after');
      await writeFile(path, gzipSync('\uFEFF[{"ph":"X"}]'));
      expect((await readTrace(path)).events).to.have.length(1);
    }));

  it('may be left in the middle of a file', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'long.json.gz');
      const events = Array.from({ length: 50_000 }, (_, i) => ({ ph: 'i', ts: i, name: 'x'.repeat(20) }));
      await writeFile(path, gzipSync(JSON.stringify({ traceEvents: events })));
      let seen = 0;
      for await (const { ts } of readTraceEvents(path)) {
        expect(ts).to.equal(seen++);
        if (seen === 100) break;
      }
      expect(seen).to.equal(100);
    }));

  for (const [what, content, message] of [
    ['a file that is cut short', '{"traceEvents":[{"ph":"X"},{"ph":"i"', /ends in the middle, after event 1/],
    ['a cut gzip file', gzipSync(JSON.stringify(TRICKY)).subarray(0, 90), /unexpected end of file/],
    ['a file without events', '{"displayTimeUnit":"ms"}', /no "traceEvents" array/],
    ['an empty file', '', /no "traceEvents" array/],
    ['an event that is no object', '{"traceEvents":[{"ph":"X"},7]}', /not an object/],
    ['an event without ph', '{"traceEvents":[{"ph":"X"},{"name":"a"}]}', /event 1 has no "ph"/],
    ['broken JSON', '{"traceEvents":[{"ph":"X",}]}', /near event 0/],
    ['broken JSON over lines, on one line', '{"traceEvents":[{\n"ph":\n"X",\n}]}', /^.*near event 0.*$/],
  ] as const) {
    it(`refuses ${what} as bad input`, () =>
      withDirectory(async (directory) => {
        const path = join(directory, 'bad.json');
        await writeFile(path, content);
        const failure = await readTrace(path).catch((error: unknown) => error);
        expect(failure).to.have.property('exitCode', 2);
        expect(failure).to.have.property('message').that.matches(message);
      }));
  }

  it('refuses a missing file as bad input', async () => {
    const failure = await readTrace('/nonexistent.json').catch((error: unknown) => error);
    expect(failure).to.have.property('exitCode', 2);
  });
});
