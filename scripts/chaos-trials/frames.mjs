import { MessagePackShapeError, checkMessagePack } from '../../packages/core/dist/index.js';
import { FrameDecodeError, decodeFrame, encodeFrame, encodeHello } from '../../packages/fabric/dist/index.js';

/** Frames of one trial: a trial's own costs are small beside them. */
export const FRAMES_PER_TRIAL = 10_000;

function message(random) {
  const address = {
    from: random.below(4),
    to: random.below(4),
    movement: random.below(500),
    hop: random.below(3),
    stream: 27,
  };
  const kind = random.of(['header', 'payload', 'credit']);
  if (kind === 'header') {
    return { kind, ...address, integers: Array.from({ length: random.below(20) }, () => random.next()) };
  }
  if (kind === 'payload')
    return { kind, ...address, sequence: random.below(9), bytes: new Uint8Array(random.below(64)) };
  return { kind, from: address.from, to: address.to, stream: 27, hop: address.hop, count: 1 + random.below(8) };
}

function sound(random) {
  if (random.below(8) === 0) return encodeHello({ protocolVersion: 1, runId: 'run', token: 'token', worker: 1 });
  return encodeFrame(Array.from({ length: random.below(6) }, () => message(random)));
}

/** @returns a frame with some of its bytes changed, cut, doubled, or replaced by what announces much. */
function mutated(random) {
  let frame = Buffer.from(sound(random));
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(frame.length + 1);
    const kind = random.below(5);
    if (kind === 0) frame[at % frame.length] = random.next() & 0xff;
    else if (kind === 1) frame[at % frame.length] ^= 1 << random.below(8);
    else if (kind === 2) frame = frame.subarray(0, Math.max(1, at));
    else if (kind === 3) frame = Buffer.concat([frame.subarray(0, at), frame]);
    else
      frame = Buffer.concat([
        frame.subarray(0, at),
        Buffer.of(random.of([0xdd, 0xdf, 0xdb, 0xc6, 0x91]), 0xff, 0xff, 0xff, 0xff),
      ]);
  }
  return frame;
}

/** Frames that are none: each is decoded, or refused in the way that ends its connection and nothing else. */
export async function mutatedFrames(random) {
  for (let i = 0; i < FRAMES_PER_TRIAL; i++) {
    const frame = mutated(random);
    try {
      decodeFrame(Buffer.from(frame));
    } catch (error) {
      if (!(error instanceof FrameDecodeError)) return `${frame.toString('hex')}: ${error.stack}`;
    }
    try {
      checkMessagePack(frame.subarray(1), 32);
    } catch (error) {
      if (!(error instanceof MessagePackShapeError)) return `${frame.toString('hex')}: ${error.stack}`;
    }
  }
  await Promise.resolve();
  return undefined;
}
