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

  it('knows at every character which members beside the events are whole', () => {
    const text = JSON.stringify(TRICKY);
    let last = 0;
    for (let at = 0; at < text.length; at++) {
      for (const size of [1, 5, at + 1]) {
        const scanner = new TraceScanner();
        for (let from = 0; from < at; from += size) scanner.feed(text.slice(from, Math.min(at, from + size)));
        const members = JSON.parse(scanner.metadataText) as Record<string, unknown>;
        for (const [key, value] of Object.entries(members)) {
          expect(value).to.deep.equal(key === 'traceEvents' ? [] : TRICKY[key as keyof typeof TRICKY]);
        }
        expect(scanner.problem).to.equal(undefined);
        expect(scanner.offset).to.equal(Buffer.byteLength(text.slice(0, at)));
        expect(Object.keys(members).length).to.be.at.least(last);
        last = Object.keys(members).length;
      }
    }
    expect(last).to.equal(3);
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
    [
      'a file that is cut short',
      '{"traceEvents":[{"ph":"X"},{"ph":"i"',
      /ends in the middle, after 1 whole events \(byte 36 of its text, near event 1\); copy it/,
    ],
    ['a cut gzip file', gzipSync(JSON.stringify(TRICKY)).subarray(0, 90), /unexpected end of file; give a trace file/],
    ['a file without events', '{"displayTimeUnit":"ms"}', /no "traceEvents" array in its 24 bytes/],
    ['an empty file', '', /no "traceEvents" array in its 0 bytes/],
    [
      'a file that is cut before its events',
      '{"schemaVersion":1,',
      /ends at byte 19 with no "traceEvents" array begun/,
    ],
    ['text', '\n ts,dur\n', /no "traceEvents" array: it begins with "t", where a trace has \{ or \[ \(byte 2\)/],
    ['bytes', Buffer.from([0, 1, 2]), /it begins with "\\u0000".*\(byte 0\)/],
    ['packed bytes', gzipSync('PK'), /it begins with "P".*\(byte 0\)/],
    [
      'an event that is no object',
      '{"traceEvents":[{"ph":"X"},7]}',
      /event 1 is not an object \(byte 27 of its text, near event 1\)/,
    ],
    [
      'an event without ph',
      '{"traceEvents":[{"ph":"X"},{"name":"a"}]}',
      /event 1 has no "ph" \(byte 27 of its text, near event 1\)/,
    ],
    ['broken JSON', '{"traceEvents":[{"ph":"ü"},{"ph":"X",}]}', /\(byte 28 of its text, near event 1\)/],
    ['events without a comma', '[{"ph":"X"}\n{"ph":"X"}]', /not one comma before an event \(byte 12 .* event 1\)/],
    ['text behind the end', '{"traceEvents":[]}\n {', /"\{" stands behind its end \(byte 20 /],
    ['broken JSON beside the events', '{"traceEvents":[],"a":01}', /beside its "traceEvents" is no JSON/],
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
