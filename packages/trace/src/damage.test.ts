import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { BadInputError } from '@epemu/core';
import { expect } from 'chai';

import { DamagedTraceError } from './damage.js';
import type { TraceEvent } from './event.js';
import { withDirectory } from './fixture.test-helper.js';
import { readTrace } from './reader.js';

interface Kept {
  readonly events: readonly TraceEvent[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly damages: readonly DamagedTraceError[];
}

/** Reads what can be read; in the throwing form the first damage must be thrown as it is reported. */
async function keep(content: string | Buffer): Promise<Kept> {
  let kept: Kept | undefined;
  await withDirectory(async (directory) => {
    const path = join(directory, 'damaged.json');
    await writeFile(path, content);
    const damages: DamagedTraceError[] = [];
    const trace = await readTrace(path, { onDamage: (damage) => damages.push(damage) });
    kept = { ...trace, damages };
    const thrown = await readTrace(path).catch((error: unknown) => error);
    if (damages.length === 0) expect(thrown).to.deep.equal({ events: trace.events, metadata: trace.metadata });
    else expect(thrown).to.be.instanceOf(DamagedTraceError).and.have.property('field', path);
  });
  return kept!;
}

/** Events that do not pack well, so that a cut file still unpacks to many. */
const EVENTS = Array.from({ length: 20_000 }, (_, i) => ({
  ph: 'X',
  name: `ü ${Math.sin(i)} "]}`,
  ...{ pid: 1, tid: 7, ts: i, dur: 1 },
}));
const BEFORE = { schemaVersion: 1, distributedInfo: { rank: 3 } };
const TEXT = JSON.stringify({ ...BEFORE, traceEvents: EVENTS, traceName: 'a.json' });
const PACKED = gzipSync(TEXT);

/** How many events are whole in so many bytes of the text. */
function wholeIn(bytes: number): number {
  const text = Buffer.from(TEXT).subarray(0, bytes).toString('latin1');
  return text.split('"dur":1}').length - 1;
}

describe('a damaged trace', () => {
  it('gives all events before the place where its text is cut, and the metadata before them', async () => {
    const length = Buffer.byteLength(TEXT);
    for (const at of [100, 5_000, 131_072, 777_777, length - 20, length - 1]) {
      const { events, metadata, damages } = await keep(Buffer.from(TEXT).subarray(0, at));
      expect(events).to.deep.equal(EVENTS.slice(0, wholeIn(at)));
      expect(metadata).to.deep.equal(BEFORE);
      expect(damages.map(({ offset, event }) => [offset, event])).to.deep.equal([[at, events.length]]);
      expect(damages[0].message).to.include(`after ${events.length} whole events (byte ${at} of its text`);
    }
  });

  it('gives all events that unpack before the place where its packed bytes are cut', async () => {
    for (const share of [0.1, 0.5, 0.9, 0.999]) {
      const { events, metadata, damages } = await keep(PACKED.subarray(0, Math.floor(PACKED.length * share)));
      const [{ offset, message }] = damages;
      expect(message).to.include('unexpected end of file');
      expect(offset).to.be.above(Buffer.byteLength(TEXT) * share * 0.8);
      expect(events).to.deep.equal(EVENTS.slice(0, wholeIn(offset)));
      expect(metadata).to.deep.equal(BEFORE);
    }
  });

  it('gives everything where only the packed file’s end is missing', async () => {
    const { events, metadata, damages } = await keep(PACKED.subarray(0, PACKED.length - 4));
    expect(events).to.have.length(EVENTS.length);
    expect(metadata).to.deep.equal({ ...BEFORE, traceName: 'a.json' });
    expect(damages).to.have.length(1);
  });

  it('gives what unpacks before a byte that is wrong', async () => {
    const flipped = Buffer.from(PACKED);
    const at = Math.floor(PACKED.length / 2);
    flipped.fill(0xff, at, at + 64);
    const { events, damages } = await keep(flipped);
    expect(damages).to.have.length.above(0);
    // Of the slice with the wrong byte nothing comes out, and what comes out after it would be noise.
    expect(events.length).to.be.within(EVENTS.length * 0.3, EVENTS.length * 0.6);
    expect(events).to.deep.equal(EVENTS.slice(0, events.length));
  });

  it('loses of an event with a value that is none that value alone, counts such events and names the first', async () => {
    const broken = TEXT.replace('"ts":15000,', '"ts":15000,"args":{"rate":inf},').replace('"ts":16000,', '"ts":N/A,');
    const { events, metadata, damages } = await keep(broken);
    const expected = EVENTS.map((event, i) =>
      i === 15_000 ? { ...event, args: { rate: null } } : i === 16_000 ? { ...event, ts: null } : event,
    );
    expect(events).to.deep.equal(expected);
    expect(metadata).to.deep.equal({ ...BEFORE, traceName: 'a.json' });
    const [{ offset, event, message }] = damages;
    expect(damages).to.have.length(1);
    expect(event).to.equal(15_000);
    expect(message).to.match(/: 2 are no strict JSON.*near event 15000/);
    expect(Buffer.from(broken).subarray(offset).toString().startsWith('{"ph":"X","name":"ü')).to.equal(true);
  });

  for (const [what, written, read] of [
    ['a raw control character', '"a\u0001b\nc"', 'a\u0001b\nc'],
    ['an escape that is none', '"C:\\temp\\q"', 'C:\temp\\q'],
    ['half an escape', '"a\\u12"', 'a\\u12'],
    ['inf', 'inf', null],
    ['-nan(ind)', '-nan(ind)', null],
    ['NaN', 'NaN', null],
    ['N/A', 'N/A', null],
    ['a number that is none', '01.', null],
    ['no value', '', null],
    ['commas too many', '[1,,2,]', [1, 2]],
  ] as const) {
    it(`reads ${what} as what can be read of it, wherever the event stands`, async () => {
      const bad = `{"ph":"X","name":"bad","args":{"x":${written},"y":2}}`;
      const good = '{"ph":"X","name":"good"}';
      for (const texts of [
        [bad, good, good],
        [good, bad, good],
        [good, good, bad],
      ]) {
        const { events, damages } = await keep(`{"traceEvents":[${texts.join(',\n')}],"b":1}`);
        expect(events.map(({ name }) => name).sort()).to.deep.equal(['bad', 'good', 'good']);
        expect(events.find(({ name }) => name === 'bad')?.args).to.deep.equal({ x: read, y: 2 });
        expect(damages.map(({ event }) => event)).to.deep.equal([texts.indexOf(bad)]);
      }
    });
  }

  for (const [what, bad] of [
    ['a quote that is escaped', '{"ph":"X","name":"C:\\dir\\","pid":1,"args":{"a":"b"}}'],
    ['a quote that is missing', '{"ph":"X","name":"a,"pid":1}'],
    ['a bracket that is missing', '{"ph":"X","args":{"a":{"b":1}}'],
    ['a list that does not end', '{"ph":"X","args":{"grid":[1,2,"a":1}}'],
    ['a bracket too many', '{"ph":"X","args":{"a":1}}}'],
    ['a list that has not begun', '{"ph":"X","args":{"a":1]}}'],
    ['null', 'null'],
    ['a number', '7'],
    ['a text', '"},{"'],
    ['a list', '[{"ph":"X"}]'],
    ['words', 'n/a or so'],
  ] as const) {
    it(`loses one event of all to ${what}`, async () => {
      const good = Array.from({ length: 6 }, (_, i) => ({
        ph: 'i',
        name: `"},{" ${i}`,
        pid: i,
        tid: 1,
        args: { i: [{}] },
      }));
      for (const at of [0, 3, 6]) {
        const texts = good.map((event) => JSON.stringify(event, null, at === 3 ? 1 : 0));
        texts.splice(at, 0, bad);
        const { events, metadata, damages } = await keep(`{"traceEvents":[${texts.join(',\n ')}],"b":1}`);
        expect(events.filter(({ ph }) => ph === 'i')).to.deep.equal(good);
        expect(damages[0].event).to.be.within(at, at + 1);
        // Where the last is not closed, the array is not either.
        if (at === 6) continue;
        expect(metadata).to.deep.equal({ b: 1 });
        expect(damages).to.have.length(1);
      }
    });
  }

  it('is whole where an array of events has no end, which Chrome’s format allows, or events that say nothing', async () => {
    for (const text of ['[{"ph":"X"},{"ph":"i"}', '[{"ph":"X"},\n{"ph":"i"},\n', '[{},{"ph":"X"},{"ph":"i"},{}]']) {
      const { events, damages } = await keep(text);
      expect(events.map(({ ph }) => ph)).to.deep.equal(['X', 'i']);
      expect(damages).to.deep.equal([]);
    }
  });

  it('gives its events but for an element that is no object', async () => {
    const { events, damages } = await keep(`[{"ph":"X"},{"ph":"i"}, null, {"ph":"X"}]`);
    expect(events.map(({ ph }) => ph)).to.deep.equal(['X', 'i', 'X']);
    expect(damages.map(({ offset, event }) => [offset, event])).to.deep.equal([[24, 2]]);
  });

  it('is without the elements that have no "ph", counts them, and goes on', async () => {
    const text = '{"traceEvents":[{"ph":"X"},{"name":"a"},{"cat":"b"},{"ph":"i"}],"b":1}';
    const { events, metadata, damages } = await keep(text);
    expect(events.map(({ ph }) => ph)).to.deep.equal(['X', 'i']);
    expect(metadata).to.deep.equal({ b: 1 });
    expect(damages).to.have.length(1);
    expect(damages[0].message).to.match(
      /: 2 events are left out, for event 1 has no "ph" \(byte 27 .*event 1\); every/,
    );
  });

  it('tells both of elements left out and of a cut', async () => {
    const { damages } = await keep('[{"ph":"X"},{"name":"a"},{"ph":');
    expect(damages.map(({ event }) => event)).to.deep.equal([1, 2]);
  });

  it('is not read deeper than it may be nested, in an event or beside them', async () => {
    const deep = '['.repeat(100_000);
    const inEvent = await keep(`{"traceEvents":[{"ph":"X"},{"ph":"X","args":{"a":${deep}`);
    expect(inEvent.events).to.have.length(1);
    expect(inEvent.damages[0].message).to.match(
      /nested deeper than 256 .*; raise EPEMU_MOST_NESTING if that is meant$/,
    );
    const beside = await keep(`{"traceEvents":[{"ph":"X"}],"a":${deep}`);
    expect(beside.events).to.have.length(1);
    expect(beside.damages[0].message).to.include('nested deeper than 256');
  });

  it('is read in a time that grows with it alone, whatever text stands beside its events', async () => {
    const text = 'x'.repeat(60 << 20);
    const { events, metadata } = await keep(`{"a":"${text}","":"${text.slice(0, 1000)}","traceEvents":[{"ph":"X"}]}`);
    expect(events).to.have.length(1);
    expect((metadata as { a: string }).a).to.have.length(text.length);
    const { damages } = await keep(`{"traceEvents":[{"ph":"X"}],"${text.slice(0, 200_000)}`);
    expect(damages[0].message).to.include("a member's name has more than 65536 characters");
    const long = await keep(`{"traceEvents":[{"ph":"X"}],"a":"${text}${text.slice(0, 5 << 20)}"}`);
    expect(long.damages[0].message).to.match(/67108864 characters stand beside .*; raise EPEMU_MOST_TEXT_BYTES/);
  });

  it('gives everything before text behind its end', async () => {
    for (const behind of ['{}', ']', '\0\0', 'x']) {
      const { events, metadata, damages } = await keep(`{"a":1,"traceEvents":[{"ph":"X"}],"b":[2]}\n${behind}`);
      expect(events).to.have.length(1);
      expect(metadata).to.deep.equal({ a: 1, b: [2] });
      expect(damages.map(({ offset }) => offset)).to.deep.equal([43]);
    }
  });

  it('gives the members beside its events that are whole, whatever is cut behind them', async () => {
    const { metadata } = await keep('{"a":1,"traceEvents":[],"b":{"c":[2]},"d":{"e":');
    expect(metadata).to.deep.equal({ a: 1, b: { c: [2] } });
    const broken = await keep('{"a":01,"traceEvents":[{"ph":"X"}]}');
    expect(broken.metadata).to.deep.equal({ a: null });
    expect(broken.events).to.have.length(1);
    expect(broken.damages[0].message).to.match(/what stands beside its "traceEvents" is no JSON/);
  });

  it('is refused where its events have not begun: there is nothing to keep', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'none.json');
      for (const content of ['', '{"schemaVersion":1', 'text', PACKED.subarray(0, 15)]) {
        await writeFile(path, content);
        const failure = await readTrace(path, { onDamage: () => expect.fail() }).catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(BadInputError).and.not.instanceOf(DamagedTraceError);
      }
    }));

  it('does not fill the memory with an event that never ends', async () => {
    const { events, damages } = await keep(`[{"ph":"X"},{"ph":"X","name":"${'x'.repeat(17_000_000)}`);
    expect(events).to.have.length(1);
    expect(damages[0].message).to.match(/an event has more than 16777216 characters \(byte 12 /);
  });
});
