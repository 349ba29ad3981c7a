import { InvariantError } from '@epemu/core';
import { expect } from 'chai';
import { FabricClosedError } from './errors.js';
import type { Endpoint, FabricStatistics, Receiver } from './fabric.js';
import { pattern, Recorder, rejection } from './recorder.test-helper.js';

/** Four connected ranks. */
export interface Mesh {
  /** By rank. */
  readonly endpoints: readonly Endpoint[];
  /** Added up over all fabrics; maxima where they are maxima. */
  statistics(): FabricStatistics;
  close(): Promise<void>;
}

/** Connects a rank per receiver. */
export type ConnectMesh = (
  receivers: readonly Receiver[],
  limits: { creditsPerPeer: number; maxPayloadBytes: number },
) => Promise<Mesh>;

const RANKS = 4;
const CREDITS = 3;
const MAX_PAYLOAD_BYTES = 32 * 1024 * 1024;
const DISPATCH = { movement: 4_000_000_000, hop: 1, stream: 27 };
const SAFE = Number.MAX_SAFE_INTEGER;

/** What every fabric must do. */
export function describeFabric(name: string, connectMesh: ConnectMesh): void {
  describe(`${name} complies with the fabric contract`, () => {
    let mesh: Mesh | undefined;

    async function connect(receivers: readonly Receiver[]): Promise<readonly Endpoint[]> {
      mesh = await connectMesh(receivers, { creditsPerPeer: CREDITS, maxPayloadBytes: MAX_PAYLOAD_BYTES });
      return mesh.endpoints;
    }

    function recorders(hold = false): Recorder[] {
      return Array.from({ length: RANKS }, () => new Recorder({ hold }));
    }

    afterEach(async () => {
      await mesh?.close();
      mesh = undefined;
    });

    it('delivers headers in the order of sending, with every integer as it was', async () => {
      const ranks = recorders();
      const endpoints = await connect(ranks);
      const sent = [
        [],
        [0],
        [-1, 2 ** 32, -(2 ** 40)],
        [SAFE, -SAFE],
        Array.from({ length: 3000 }, (_, i) => i * i * i),
      ];
      for (const [to, recorder] of ranks.entries()) {
        for (const integers of sent) endpoints[0].sendHeader({ to, ...DISPATCH, integers });
        await recorder.until(() => recorder.headers.length === sent.length);
        expect(recorder.headers.map(({ integers }) => integers)).to.deep.equal(sent);
        expect(recorder.headers[0]).to.deep.include({ from: 0, to, ...DISPATCH });
      }
    });

    it('delivers the payloads of a window in the order of sending, whether awaited or not', async () => {
      const ranks = recorders();
      const endpoints = await connect(ranks);
      for (const [to, recorder] of ranks.entries()) {
        const sends = Array.from({ length: 40 }, (_, sequence) =>
          endpoints[1].sendPayload({ to, ...DISPATCH, sequence, bytes: pattern(sequence * 37, sequence) }),
        );
        await Promise.all(sends);
        await recorder.until(() => recorder.payloads.length === sends.length);
        for (const [sequence, payload] of recorder.payloads.entries()) {
          expect(payload).to.deep.include({
            from: 1,
            to,
            ...DISPATCH,
            sequence,
            bytes: pattern(sequence * 37, sequence),
          });
        }
      }
    });

    it('delivers nothing inside the call that sends, nor in its microtasks', async () => {
      const ranks = recorders();
      const endpoints = await connect(ranks);
      endpoints[0].sendHeader({ to: 0, ...DISPATCH, integers: [1] });
      await endpoints[0].sendPayload({ to: 0, ...DISPATCH, sequence: 0, bytes: pattern(8) });
      expect(ranks[0].headers.length + ranks[0].payloads.length).to.equal(0);
      await ranks[0].until(() => ranks[0].headers.length === 1 && ranks[0].payloads.length === 1);
    });

    it('lets the sender overwrite a buffer once the send has resolved', async () => {
      const ranks = recorders();
      const endpoints = await connect(ranks);
      const integers = [1, 2, 3];
      for (const [to, recorder] of ranks.entries()) {
        for (const length of [100, 200_000]) {
          const bytes = pattern(length);
          endpoints[2].sendHeader({ to, ...DISPATCH, integers });
          await endpoints[2].sendPayload({ to, ...DISPATCH, sequence: 0, bytes });
          bytes.fill(0);
          integers.fill(0);
          await recorder.until(() => recorder.payloads.length === 1 && recorder.headers.length === 1);
          expect(Buffer.compare(recorder.payloads.pop()!.bytes, pattern(length))).to.equal(0);
          expect(recorder.headers.pop()!.integers).to.deep.equal([1, 2, 3]);
          integers.splice(0, 3, 1, 2, 3);
        }
      }
    });

    it('carries payloads of no bytes, of odd lengths and of 20 MB, each at a multiple of 8 in its buffer', async () => {
      const offsets = new Set<number>();
      const inspect = ({ bytes }: { bytes: Uint8Array }): number => bytes.byteOffset % 8;
      const ranks = Array.from(
        { length: RANKS },
        () => new Recorder({ inspect: (payload) => offsets.add(inspect(payload)) }),
      );
      const endpoints = await connect(ranks);
      const lengths = [0, 1, 7, 8, 9, 1021, 65_535, 65_536, 1_048_577, 20_000_003];
      for (const [to, recorder] of ranks.entries()) {
        const sends = lengths.map((length, sequence) =>
          endpoints[3].sendPayload({ to, ...DISPATCH, sequence, bytes: pattern(length) }),
        );
        await recorder.until(() => recorder.payloads.length === lengths.length);
        await Promise.all(sends);
        for (const [i, length] of lengths.entries()) {
          expect(Buffer.compare(recorder.payloads[i].bytes, pattern(length)), `${length} bytes`).to.equal(0);
        }
      }
      expect([...offsets]).to.deep.equal([0]);
    });

    it('blocks a sender at its credit window and lets it go on upon release', async () => {
      const ranks = recorders(true);
      const endpoints = await connect(ranks);
      for (const [to, recorder] of ranks.entries()) {
        const resolved: number[] = [];
        const send = async (sequence: number): Promise<void> => {
          await endpoints[1].sendPayload({ to, ...DISPATCH, sequence, bytes: pattern(5) });
          resolved.push(sequence);
        };
        const sends = Array.from({ length: CREDITS + 2 }, (_, sequence) => send(sequence));
        endpoints[1].sendHeader({ to, ...DISPATCH, integers: [] });
        await recorder.until(() => recorder.headers.length === 1);
        expect(recorder.payloads.length, 'payloads before the header that was sent last').to.equal(CREDITS);
        expect(resolved).to.deep.equal([0, 1, 2]);
        recorder.releases.shift()!();
        await sends[CREDITS];
        await recorder.until(() => recorder.payloads.length === CREDITS + 1);
        expect(resolved).to.deep.equal([0, 1, 2, 3]);
        for (const release of recorder.releases.splice(0)) release();
        await Promise.all(sends);
        await recorder.until(() => recorder.payloads.length === CREDITS + 2);
        expect(recorder.payloads.map(({ sequence }) => sequence)).to.deep.equal([0, 1, 2, 3, 4]);
        for (const release of recorder.releases.splice(0)) release();
      }
      expect(mesh!.statistics().maxQueuedPayloads).to.equal(CREDITS);
    });

    it('lets no blocked window delay another stream, hop or rank', async () => {
      const ranks = recorders(true);
      const endpoints = await connect(ranks);
      const blocked = Array.from({ length: CREDITS + 1 }, (_, sequence) =>
        endpoints[0].sendPayload({ to: 3, ...DISPATCH, sequence, bytes: pattern(5) }),
      );
      const others = [
        endpoints[0].sendPayload({ to: 3, ...DISPATCH, hop: 0, sequence: 100, bytes: pattern(5) }),
        endpoints[0].sendPayload({ to: 3, ...DISPATCH, stream: 23, sequence: 101, bytes: pattern(5) }),
        endpoints[1].sendPayload({ to: 3, ...DISPATCH, sequence: 102, bytes: pattern(5) }),
      ];
      await Promise.all(others);
      await ranks[3].until(() => ranks[3].payloads.length === CREDITS + others.length);
      expect(ranks[3].payloads.filter(({ sequence }) => sequence < 100).length).to.equal(CREDITS);
      ranks[3].releases[0]();
      await Promise.all(blocked);
    });

    it('holds no more than a window however late the releases come, and loses nothing', async () => {
      const ranks = recorders(true);
      const endpoints = await connect(ranks);
      const total = 200;
      const sends = endpoints.flatMap((endpoint) =>
        Array.from({ length: total }, (_, sequence) =>
          endpoint.sendPayload({ to: 2, ...DISPATCH, sequence, bytes: pattern(sequence % 64) }),
        ),
      );
      const receiver = ranks[2];
      for (let got = 0; got < RANKS * total; got = receiver.payloads.length) {
        const releases = receiver.releases.splice(0);
        expect(releases.length).to.be.at.most(RANKS * CREDITS);
        for (const release of releases) release();
        await receiver.until(() => receiver.payloads.length > got || got === RANKS * total);
      }
      await Promise.all(sends);
      expect(mesh!.statistics().maxQueuedPayloads).to.be.at.most(CREDITS);
      for (const from of endpoints.keys()) {
        const sequences = receiver.payloads.filter((payload) => payload.from === from).map(({ sequence }) => sequence);
        expect(sequences).to.deep.equal(Array.from({ length: total }, (_, sequence) => sequence));
      }
    });

    it('tells how many credits are out, payloads queued and payloads waiting, until all is released', async () => {
      const ranks = recorders(true);
      const endpoints = await connect(ranks);
      const now = (): Pick<FabricStatistics, 'creditsTaken' | 'payloadsQueued' | 'payloadsWaiting'> => {
        const { creditsTaken, payloadsQueued, payloadsWaiting } = mesh!.statistics();
        return { creditsTaken, payloadsQueued, payloadsWaiting };
      };
      expect(now()).to.deep.equal({ creditsTaken: 0, payloadsQueued: 0, payloadsWaiting: 0 });
      const targets = [0, 3];
      const sends = targets.flatMap((to) =>
        Array.from({ length: CREDITS + 2 }, (_, sequence) =>
          endpoints[0].sendPayload({ to, ...DISPATCH, sequence, bytes: pattern(5) }),
        ),
      );
      await Promise.all(targets.map((to) => ranks[to].until(() => ranks[to].payloads.length === CREDITS)));
      const full = targets.length * CREDITS;
      expect(now()).to.deep.equal({ creditsTaken: full, payloadsQueued: full, payloadsWaiting: 2 * targets.length });
      for (const to of targets) {
        const receiver = ranks[to];
        while (receiver.payloads.length < CREDITS + 2 || receiver.releases.length > 0) {
          for (const release of receiver.releases.splice(0)) release();
          if (receiver.payloads.length < CREDITS + 2) await receiver.until(() => receiver.releases.length > 0);
        }
      }
      await Promise.all(sends);
      // The last credits come back behind a message that is sent after them.
      const before = ranks[0].headers.length;
      endpoints[3].sendHeader({ to: 0, ...DISPATCH, integers: [] });
      await ranks[0].until(() => ranks[0].headers.length > before);
      expect(now()).to.deep.equal({ creditsTaken: 0, payloadsQueued: 0, payloadsWaiting: 0 });
    });

    it('has neither credits out nor payloads queued or waiting once it is closed', async () => {
      const ranks = recorders(true);
      const endpoints = await connect(ranks);
      const sends = [0, 3].flatMap((to) =>
        Array.from({ length: CREDITS + 1 }, (_, sequence) =>
          endpoints[0].sendPayload({ to, ...DISPATCH, sequence, bytes: pattern(5) }).catch((error: unknown) => error),
        ),
      );
      await ranks[3].until(() => ranks[3].payloads.length === CREDITS);
      await mesh!.close();
      await Promise.all(sends);
      expect(mesh!.statistics()).to.include({ creditsTaken: 0, payloadsQueued: 0, payloadsWaiting: 0 });
    });

    it('counts messages and payload bytes at both ends', async () => {
      const ranks = recorders();
      const endpoints = await connect(ranks);
      for (const endpoint of endpoints) {
        for (const to of ranks.keys()) {
          endpoint.sendHeader({ to, ...DISPATCH, integers: [to] });
          await endpoint.sendPayload({ to, ...DISPATCH, sequence: 0, bytes: pattern(10) });
        }
      }
      await Promise.all(ranks.map((rank) => rank.until(() => rank.payloads.length === RANKS)));
      const messages = 2 * RANKS * RANKS;
      expect(mesh!.statistics()).to.include({
        messagesSent: messages,
        messagesReceived: messages,
        payloadBytesSent: 10 * RANKS * RANKS,
        decodeErrors: 0,
      });
    });

    it('refuses at the sender what the protocol cannot carry', async () => {
      const endpoints = await connect(recorders());
      for (const to of [0, 3]) {
        for (const integers of [[0.5], [NaN], [2 ** 53], [Infinity]]) {
          expect(() => {
            endpoints[0].sendHeader({ to, ...DISPATCH, integers });
          }).to.throw(InvariantError, 'not a safe integer');
        }
        for (const wrong of [{ hop: 16 }, { hop: -1 }, { stream: 65_536 }, { movement: 2 ** 32 }, { movement: 0.5 }]) {
          const bytes = pattern(1);
          const error = await rejection(endpoints[0].sendPayload({ to, ...DISPATCH, sequence: 0, bytes, ...wrong }));
          expect(error).to.be.instanceOf(InvariantError);
          expect(String(error)).to.include(Object.keys(wrong)[0]);
        }
        const bytes = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
        const tooLong = await rejection(endpoints[0].sendPayload({ to, ...DISPATCH, sequence: 0, bytes }));
        expect(String(tooLong)).to.include('maxPayloadBytes');
      }
      expect(() => {
        endpoints[0].sendHeader({ to: RANKS, ...DISPATCH, integers: [] });
      }).to.throw(InvariantError, `rank ${RANKS}`);
    });

    it('throws when a payload is released twice', async () => {
      const ranks = recorders(true);
      const endpoints = await connect(ranks);
      for (const to of [0, 3]) {
        await endpoints[0].sendPayload({ to, ...DISPATCH, sequence: 0, bytes: pattern(1) });
        await ranks[to].until(() => ranks[to].releases.length === 1);
        ranks[to].releases[0]();
        expect(ranks[to].releases[0]).to.throw(InvariantError, 'twice');
      }
    });

    it('rejects what waits for credit, and all later sends, once it closes', async () => {
      const ranks = recorders(true);
      const endpoints = await connect(ranks);
      for (const to of [0, 3]) {
        for (let sequence = 0; sequence < CREDITS; sequence++) {
          await endpoints[0].sendPayload({ to, ...DISPATCH, sequence, bytes: pattern(1) });
        }
      }
      await ranks[3].until(() => ranks[3].releases.length === CREDITS);
      const waiting = [0, 3].map((to) =>
        rejection(endpoints[0].sendPayload({ to, ...DISPATCH, sequence: CREDITS, bytes: pattern(1) })),
      );
      await mesh!.close();
      for (const error of await Promise.all(waiting)) expect(error).to.be.instanceOf(FabricClosedError);
      for (const to of [0, 3]) {
        expect(() => {
          endpoints[0].sendHeader({ to, ...DISPATCH, integers: [] });
        }).to.throw(FabricClosedError);
        const late = endpoints[0].sendPayload({ to, ...DISPATCH, sequence: 9, bytes: pattern(1) });
        expect(await rejection(late)).to.be.instanceOf(FabricClosedError);
        for (const release of ranks[to].releases) release();
      }
      expect(ranks.flatMap(({ lost }) => lost)).to.deep.equal([]);
    });
  });
}
