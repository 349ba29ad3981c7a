/** Words of a token message before its contents: home, first row, rows, last, entries, values a row. */
const HEADER_WORDS = 6;
const ROWS = 2;
const ENTRIES = 4;
const LANES = 5;
/** In place of the number of entries: no routing travels, vectors follow the header at once. */
const NO_ROUTING = 0xffffffff;

function words(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @returns whether a payload holds nothing but vectors, two rows of them at least. */
export function isPlainRows(bytes: Uint8Array): boolean {
  const view = words(bytes);
  return view.getUint32(ENTRIES * 4, true) === NO_ROUTING && view.getUint32(ROWS * 4, true) >= 2;
}

/** @returns the message with the first value of its last row changed. */
export function withValueChanged(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  const view = words(copy);
  const at = copy.byteLength - view.getUint32(LANES * 4, true) * 4;
  view.setFloat32(at, view.getFloat32(at, true) + 0.5, true);
  return copy;
}

function withRows(bytes: Uint8Array, rows: number, vectors: readonly Uint8Array[]): Uint8Array {
  const header = new Uint8Array(bytes.subarray(0, HEADER_WORDS * 4));
  words(header).setUint32(ROWS * 4, rows, true);
  return Buffer.concat([header, ...vectors]);
}

/** @returns a message of plain rows without its last one. */
export function withoutLastRow(bytes: Uint8Array): Uint8Array {
  const view = words(bytes);
  const row = view.getUint32(LANES * 4, true) * 4;
  return withRows(bytes, view.getUint32(ROWS * 4, true) - 1, [
    bytes.subarray(HEADER_WORDS * 4, bytes.byteLength - row),
  ]);
}

/** @returns a message of plain rows with its last one twice. */
export function withLastRowTwice(bytes: Uint8Array): Uint8Array {
  const view = words(bytes);
  const row = view.getUint32(LANES * 4, true) * 4;
  const vectors = bytes.subarray(HEADER_WORDS * 4);
  return withRows(bytes, view.getUint32(ROWS * 4, true) + 1, [vectors, vectors.subarray(vectors.byteLength - row)]);
}

/** @returns a message of plain rows whose first row stands in place of its second one as well: one lost, one twice. */
export function withFirstRowForSecond(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  const row = words(bytes).getUint32(LANES * 4, true) * 4;
  copy.copyWithin(HEADER_WORDS * 4 + row, HEADER_WORDS * 4, HEADER_WORDS * 4 + row);
  return copy;
}
