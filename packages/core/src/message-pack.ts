import { EpemuError } from './errors.js';

/** Thrown for bytes that no decoder should be given: what they announce is not there, or is nested too deep. */
export class MessagePackShapeError extends EpemuError {}

/** Bytes of a value after its first byte, where its length is fixed: nil, booleans, floats and integers from 0xc0 on. */
const FIXED: Readonly<Record<number, number>> = {
  0xc0: 0,
  0xc2: 0,
  0xc3: 0,
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};
/** Bytes of the length that follows the first byte: of binaries, strings, arrays and maps. */
const LENGTH_BYTES: Readonly<Record<number, number>> = {
  0xc4: 1,
  0xc5: 2,
  0xc6: 4,
  0xd9: 1,
  0xda: 2,
  0xdb: 4,
  0xdc: 2,
  0xdd: 4,
  0xde: 2,
  0xdf: 4,
};
/** How `undefined` is packed: an extension of one byte. */
const UNDEFINED = [0xd4, 0, 0];
const FIRST_ARRAY = 0xdc;
const FIRST_MAP = 0xde;

/** What the first bytes of a value say. */
interface Opening {
  /** Where it goes on. */
  readonly next: number;
  /** Values that it holds, keys among them; 0 of what holds none. */
  readonly values: number;
}

function lengthAt(bytes: Uint8Array, at: number, size: number): number {
  if (at + size > bytes.length) throw new MessagePackShapeError(`it ends within a length, at byte ${at}`);
  let length = 0;
  for (let i = 0; i < size; i++) length = length * 256 + bytes[at + i];
  return length;
}

function opened(bytes: Uint8Array, at: number): Opening {
  const first = bytes[at];
  if (first < 0x80 || first >= 0xe0) return { next: at + 1, values: 0 };
  if (first < 0x90) return { next: at + 1, values: 2 * (first & 0x0f) };
  if (first < 0xa0) return { next: at + 1, values: first & 0x0f };
  if (first < 0xc0) return { next: at + 1 + (first & 0x1f), values: 0 };
  const fixed = FIXED[first];
  if (fixed !== undefined) return { next: at + 1 + fixed, values: 0 };
  const size = LENGTH_BYTES[first];
  if (size === undefined) {
    if (UNDEFINED.every((byte, i) => bytes[at + i] === byte)) return { next: at + UNDEFINED.length, values: 0 };
    throw new MessagePackShapeError(
      `byte ${at} begins a value of type 0x${first.toString(16)}, which is not used here`,
    );
  }
  const length = lengthAt(bytes, at + 1, size);
  const next = at + 1 + size;
  if (first < FIRST_ARRAY) return { next: next + length, values: 0 };
  return { next, values: first < FIRST_MAP ? length : 2 * length };
}

/**
 * Looks at one MessagePack value without making anything of it: a decoder reserves room for as many elements as an array
 * says it has, and calls itself for each level.
 *
 * @param depth arrays and maps that may lie within each other.
 * @returns where the value ends; what follows is not looked at.
 * @throws MessagePackShapeError when it announces more than there is, is nested deeper, or has extension types other than `undefined`.
 */
export function checkMessagePack(bytes: Uint8Array, depth: number): number {
  /** Values that are still to come, of each open array or map. */
  const open: number[] = [1];
  let at = 0;
  while (open.length > 0) {
    const level = open.length - 1;
    if (open[level] === 0) {
      open.pop();
      continue;
    }
    open[level]--;
    if (at >= bytes.length) throw new MessagePackShapeError('it ends before all of its values have come');
    const { next, values } = opened(bytes, at);
    // Each value is at least one byte.
    if (next > bytes.length || values > bytes.length - next) {
      throw new MessagePackShapeError(
        `the value at byte ${at} announces more than the ${bytes.length} bytes there are`,
      );
    }
    at = next;
    if (values === 0) continue;
    if (open.length > depth) throw new MessagePackShapeError(`it is nested deeper than ${depth}, at byte ${at}`);
    open.push(values);
  }
  return at;
}
