import { Columns, InvariantError } from '@epemu/core';
import type { NumberRoom } from '@epemu/core';

/** Element types a column may be stored in, the narrowest first; times and whatever is no integer take float64. */
const ELEMENT_TYPES = [Uint8Array, Uint16Array, Uint32Array, Float64Array] as const;
const TYPE_LIMITS = [0xff, 0xffff, 0xffffffff];

function narrowest(values: Float64Array): number {
  let low = 0;
  let high = 0;
  for (const value of values) {
    if (!Number.isInteger(value)) return 3;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low < 0) return 3;
  const index = TYPE_LIMITS.findIndex((limit) => high <= limit);
  return index < 0 ? 3 : index;
}

/**
 * Stores columns as little-endian typed arrays: row count (uint32), column count (uint32), then for each column its
 * element type (uint32) and its values, padded to 8 bytes.
 */
export function encodeColumns<Names extends string>(columns: Columns<Names>): Uint8Array {
  const parts = columns.names.map((name) => {
    const values = columns.column(name);
    const type = narrowest(values);
    return { type, values };
  });
  const padded = (bytes: number): number => (bytes + 7) & ~7;
  const sizes = parts.map(({ type, values }) => 8 + padded(values.length * ELEMENT_TYPES[type].BYTES_PER_ELEMENT));
  const result = new Uint8Array(sizes.reduce((sum, size) => sum + size, 8));
  const view = new DataView(result.buffer);
  view.setUint32(0, columns.count, true);
  view.setUint32(4, columns.names.length, true);
  let at = 8;
  parts.forEach(({ type, values }, index) => {
    view.setUint32(at, type, true);
    new ELEMENT_TYPES[type](result.buffer, at + 8, values.length).set(values);
    at += sizes[index];
  });
  return result;
}

/**
 * Reads columns that {@link encodeColumns} stored; checks every length.
 * @param room where the numbers go, so that the columns last until it is cleared. @default memory of their own
 * @throws InvariantError when the bytes are not such columns.
 */
export function decodeColumns<Names extends string>(
  bytes: Uint8Array,
  names: readonly Names[],
  room?: NumberRoom,
): Columns<Names> {
  // Not `bytes.slice()`: a Buffer's is a view, not a copy.
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  // Records come from files and sockets, never from shared memory.
  const buffer = aligned.buffer as ArrayBuffer;
  const view = new DataView(buffer, aligned.byteOffset, aligned.byteLength);
  const broken = (): InvariantError => new InvariantError(`columns ${names.join(', ')} are damaged`);
  if (aligned.byteLength < 8 || view.getUint32(4, true) !== names.length) throw broken();
  const rows = view.getUint32(0, true);
  let at = 8;
  const values = names.map(() => {
    if (at + 8 > aligned.byteLength) throw broken();
    const type = ELEMENT_TYPES[view.getUint32(at, true)];
    if (type === undefined) throw broken();
    const size = rows * type.BYTES_PER_ELEMENT;
    if (at + 8 + size > aligned.byteLength) throw broken();
    const column = room?.take(rows) ?? new Float64Array(rows);
    column.set(new type(buffer, aligned.byteOffset + at + 8, rows));
    at += 8 + ((size + 7) & ~7);
    return column;
  });
  if (at !== aligned.byteLength) throw broken();
  return Columns.from(names, values);
}

/** Joins byte strings with their lengths (uint32, padded to 8 bytes) before them. */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const padded = (bytes: number): number => (bytes + 7) & ~7;
  const result = new Uint8Array(parts.reduce((sum, part) => sum + 8 + padded(part.byteLength), 0));
  const view = new DataView(result.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.byteLength, true);
    result.set(part, at + 8);
    at += 8 + padded(part.byteLength);
  }
  return result;
}

/** Takes apart what {@link joinParts} joined. @throws InvariantError when the lengths do not add up. */
export function splitParts(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const size = at + 8 <= bytes.byteLength ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (at + 8 + size > bytes.byteLength) throw new InvariantError('a record ends before its last part does');
    parts.push(bytes.subarray(at + 8, at + 8 + size));
    at += 8 + ((size + 7) & ~7);
  }
  return parts;
}
