import { expect } from 'chai';
import fc from 'fast-check';
import { pack, Packr } from 'msgpackr';
import { FrameDecodeError } from './errors.js';
import { decodeFrame } from './frame-decoder.js';
import { encodeFrame, encodeHelloFrame } from './frame-encoder.js';
import { frameContent, PROTOCOL_VERSION } from './frame-layout.js';
import { ADDRESS_LIMIT, type Message } from './messages.js';
import { messageFrame } from './raw-peer.test-helper.js';

const index = (limit: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: limit - 1 });
const channel = {
  from: index(ADDRESS_LIMIT.rank),
  to: index(ADDRESS_LIMIT.rank),
  hop: index(ADDRESS_LIMIT.hop),
  stream: index(ADDRESS_LIMIT.stream),
};
const movement = index(ADDRESS_LIMIT.movement);
const plain = { noNullPrototype: true };
const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record(
    { kind: fc.constant('header' as const), ...channel, movement, integers: fc.array(fc.maxSafeInteger()) },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('payload' as const),
      ...channel,
      movement,
      sequence: fc.maxSafeNat(),
      bytes: fc.uint8Array({ maxLength: 100 }),
    },
    plain,
  ),
  fc.record({ kind: fc.constant('credit' as const), ...channel, count: fc.integer({ min: 1 }) }, plain),
);

/** A frame at an odd place of a larger buffer, as sockets deliver them. */
function shifted(frame: Uint8Array, by: number): Uint8Array {
  const place = new Uint8Array(frame.length + by + 5).fill(0xff);
  place.set(frame, by);
  return place.subarray(by, by + frame.length);
}

describe('frame codec', () => {
  it('gives back every list of messages, wherever the frame lies in memory', () => {
    fc.assert(
      fc.property(fc.array(anyMessage), fc.nat(15), (messages, shift) => {
        const decoded = decodeFrame(shifted(encodeFrame(messages), shift));
        expect(decoded).to.deep.equal(messages);
        for (const message of decoded) if (message.kind === 'payload') expect(message.bytes.byteOffset % 8).to.equal(0);
      }),
    );
  });

  it('refuses every frame that was cut short', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { minLength: 1 }), fc.nat(), (messages, at) => {
        const frame = encodeFrame(messages);
        expect(() => decodeFrame(frame.subarray(0, at % frame.length))).to.throw(FrameDecodeError);
      }),
    );
  });

  it('refuses every frame with bytes behind its end', () => {
    fc.assert(
      fc.property(fc.array(anyMessage), fc.uint8Array({ minLength: 1 }), (messages, more) => {
        expect(() => decodeFrame(Buffer.concat([encodeFrame(messages), more]))).to.throw(FrameDecodeError);
      }),
    );
  });

  it('throws nothing but FrameDecodeError whatever bytes are changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(anyMessage, { minLength: 1 }), changes, (messages, edits) => {
        const frame = encodeFrame(messages);
        for (const [at, byte] of edits) frame[at % frame.length] = byte;
        expectDecodedOrRefused(frame);
      }),
      { numRuns: 2000 },
    );
  });

  it('throws nothing but FrameDecodeError whatever its message list is', () => {
    const value = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true });
    fc.assert(
      fc.property(fc.oneof(value, fc.array(value)), (list) => {
        expectDecodedOrRefused(messageFrame(list));
      }),
      { numRuns: 1000 },
    );
  });

  it('names both versions when a frame is of another one', () => {
    const frame = encodeFrame([]);
    frame[0] = PROTOCOL_VERSION + 1;
    expect(() => decodeFrame(frame)).to.throw(FrameDecodeError, /version 2, expected 1/);
  });

  it('tells frames of messages from a hello', () => {
    const hello = encodeHelloFrame({ worker: 1 });
    expect([frameContent(encodeFrame([])), frameContent(hello)]).to.deep.equal(['messages', 'hello']);
    expect(() => decodeFrame(hello)).to.throw(FrameDecodeError, 'hello');
  });

  const header = [1, 0, 1, 5, 0, 27, 0];
  const payload = [2, 0, 1, 5, 0, 27, 0, 8];
  const raw = new Uint8Array(8);
  const extended = new Packr({ moreTypes: true, structuredClone: true });
  const deep = Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.of(0xc0)]);
  const hostile: Record<string, Uint8Array> = {
    'no bytes at all': new Uint8Array(0),
    'an unknown content kind': Buffer.from(encodeFrame([])).fill(7, 1, 2),
    'reserved bytes that are set': Buffer.from(encodeFrame([])).fill(7, 2, 3),
    'a message list longer than the frame': Buffer.from(encodeFrame([])).fill(0xff, 4, 8),
    'an empty message list part': Buffer.of(PROTOCOL_VERSION, 0, 0, 0, 0, 0, 0, 0),
    'a map for its list': messageFrame({ constructor: { prototype: 1 } }),
    'a number for its list': messageFrame(5),
    'nested arrays': messageFrame([header]),
    'arrays nested 100,000 deep': messageFrame(undefined, new Uint8Array(0), deep),
    'a map with the key constructor': messageFrame([1, 0, 1, 5, 0, 27, 1, { constructor: 1 }]),
    'an Error extension': messageFrame(undefined, raw, extended.pack([new Error('x')])),
    'a Set extension': messageFrame(undefined, raw, extended.pack([new Set([1])])),
    'a RegExp extension': messageFrame(undefined, raw, extended.pack([/x/])),
    'a record definition': messageFrame([], raw, new Packr({ useRecords: true }).pack([{ from: 1 }])),
    'a string': messageFrame(['header']),
    'a bigint': messageFrame([2n ** 62n]),
    'a fraction': messageFrame([1, 0, 1, 5, 0, 27, 1, 0.5]),
    NaN: messageFrame([1, 0, 1, 5, 0, 27, 1, NaN]),
    'an unsafe integer': messageFrame([1, 0, 1, 5, 0, 27, 1, 2 ** 53]),
    'an entry of unknown kind': messageFrame([4, ...header.slice(1)]),
    'a header cut short': messageFrame(header.slice(0, 6)),
    'a header of fewer integers than it says': messageFrame([1, 0, 1, 5, 0, 27, 3, 1, 2]),
    'a header of a negative count': messageFrame([1, 0, 1, 5, 0, 27, -7]),
    'a header of too many integers': messageFrame([1, 0, 1, 5, 0, 27, 65_537, ...new Array<number>(65_537).fill(0)]),
    'a payload cut short': messageFrame(payload.slice(0, 7), raw),
    'a payload of negative length': messageFrame([...payload.slice(0, 7), -8], raw),
    'a payload longer than the raw bytes': messageFrame([...payload.slice(0, 7), 9], raw),
    'a payload whose length overflows': messageFrame([...payload.slice(0, 7), Number.MAX_SAFE_INTEGER], raw),
    'a payload of negative sequence': messageFrame([...payload.slice(0, 6), -1, 8], raw),
    'raw bytes that no payload accounts for': messageFrame(payload, new Uint8Array(16)),
    'padding that is not zero': messageFrame(
      [...payload.slice(0, 7), 7],
      raw.map(() => 1),
    ),
    'a negative rank': messageFrame([1, -1, ...header.slice(2)]),
    'a rank beyond the limit': messageFrame([1, 0, 65_536, ...header.slice(3)]),
    'an movement beyond the limit': messageFrame([1, 0, 1, 2 ** 32, ...header.slice(4)]),
    'a hop beyond the limit': messageFrame([1, 0, 1, 5, 16, 27, 0]),
    'a stream beyond the limit': messageFrame([1, 0, 1, 5, 0, 65_536, 0]),
    'a return of no credits': messageFrame([3, 0, 1, 27, 0, 0]),
    'a return of negative credits': messageFrame([3, 0, 1, 27, 0, -1]),
    'a credit cut short': messageFrame([3, 0, 1, 27, 0]),
    'MessagePack that ends early': messageFrame(undefined, new Uint8Array(0), pack(header).subarray(0, 5)),
    'MessagePack with more behind it': messageFrame(undefined, raw, Buffer.concat([pack(header), pack(1)])),
    'an array that claims 2^32 items': messageFrame(undefined, raw, Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff, 1)),
  };
  for (const [what, frame] of Object.entries(hostile)) {
    it(`refuses a frame with ${what}`, () => {
      expect(() => decodeFrame(frame)).to.throw(FrameDecodeError);
    });
  }
});

function expectDecodedOrRefused(frame: Uint8Array): void {
  try {
    decodeFrame(frame);
  } catch (error) {
    expect(error).to.be.instanceOf(FrameDecodeError);
  }
}
