/** What files begin with that hold no JSON text, what they are, and how traces come out of them. */
const MAGICS: readonly { readonly at: number; readonly bytes: string; readonly what: string }[] = [
  { at: 0, bytes: 'PK\u0003\u0004', what: 'a zip archive; unpack it (unzip) and give the traces in it' },
  { at: 0, bytes: 'PK\u0005\u0006', what: 'an empty zip archive; give a trace' },
  { at: 257, bytes: 'ustar', what: 'a tar archive; unpack it (tar -xf) and give the traces in it' },
  { at: 0, bytes: '\u00fd7zXZ\u0000', what: 'packed by xz; unpack it (xz -d) and give the traces in it' },
  { at: 0, bytes: 'BZh', what: 'packed by bzip2; unpack it (bzip2 -d) and give the traces in it' },
  { at: 0, bytes: '\u0004"M\u0018', what: 'packed by lz4; unpack it (lz4 -d) and give the traces in it' },
  { at: 0, bytes: '7z\u00bc\u00af\u0027\u001c', what: 'a 7-Zip archive; unpack it and give the traces in it' },
  {
    at: 0,
    bytes: 'SQLite format 3\u0000',
    what: 'an SQLite database, as Nsight Systems exports; record with a profiler of PyTorch',
  },
  { at: 0, bytes: '\u0080\u0002', what: 'a Python pickle, such as a memory snapshot; it has no kernels; give a trace' },
  { at: 0, bytes: '\u0080\u0003', what: 'a Python pickle, such as a memory snapshot; it has no kernels; give a trace' },
  { at: 0, bytes: '\u0080\u0004', what: 'a Python pickle, such as a memory snapshot; it has no kernels; give a trace' },
  { at: 0, bytes: '\u0080\u0005', what: 'a Python pickle, such as a memory snapshot; it has no kernels; give a trace' },
  { at: 0, bytes: '\u007fELF', what: 'a program; give a trace' },
  { at: 0, bytes: '<!', what: 'a page (HTML); save the trace itself' },
  { at: 0, bytes: '\u00ff\u00fe', what: 'text of two bytes a character (UTF-16); write it as UTF-8' },
  { at: 0, bytes: '\u00fe\u00ff', what: 'text of two bytes a character (UTF-16); write it as UTF-8' },
];

/** Files without a mark at their beginning, by how their names end. */
const ENDINGS: readonly { readonly ending: RegExp; readonly what: string }[] = [
  {
    ending: /\.(?:nsys-rep|qdrep|qdstrm)$/i,
    what: 'a report of Nsight Systems, which is not read; record with a profiler of PyTorch',
  },
  {
    ending: /\.ncu-rep$/i,
    what: 'a report of Nsight Compute, about kernels one by one; record a timeline with a profiler of PyTorch',
  },
  {
    ending: /\.xplane\.pb$/i,
    what: 'a profile of XLA (JAX or TensorFlow), which is not read; give what a profiler of PyTorch writes',
  },
  {
    ending: /\.(?:pftrace|perfetto-trace)$/i,
    what: 'a trace in the binary form of Perfetto; write it as JSON (traceconv json) and give that',
  },
];

/** Tables by words of their first line: what wrote them. */
const TABLES: readonly { readonly words: readonly string[]; readonly what: string }[] = [
  {
    words: ['Task ID', 'Stream ID', 'Accelerator Core'],
    what: 'a table of kernels of Ascend NPUs (msprof, torch_npu), which is not read; give what a profiler of PyTorch writes',
  },
  {
    words: ['Start (ns)', 'Duration (ns)', 'Strm'],
    what: 'a table of nsys stats, which is not read; record with a profiler of PyTorch',
  },
  {
    words: ['Kernel_Name', 'Start_Timestamp'],
    what: 'a table of rocprof, which is not read; record with a profiler of PyTorch',
  },
];
/** A line of a table: fields and commas, and nothing that JSON begins with. */
const TABLE_LINE = /^\uFEFF?[^\s{[\u0000-\u001f][^{[\u0000-\u001f]*(?:,[^{[\u0000-\u001f]*){2}\r?\n/;

/** @returns what a table is; undefined of what is none. */
function tableFormat(start: string): string | undefined {
  if (!TABLE_LINE.test(start)) return undefined;
  const [line] = start.split('\n', 1);
  const known = TABLES.find(({ words }) => words.every((word) => line.includes(word)));
  return known?.what ?? 'a table (CSV), not a trace; give the trace that it was made of';
}

/** What a zstd frame begins with. */
const ZSTD_MAGIC = '\u0028\u00b5\u002f\u00fd';

/** @returns whether a file that begins so is packed by zstd. */
export function isZstd(start: Buffer): boolean {
  return start.subarray(0, ZSTD_MAGIC.length).toString('latin1') === ZSTD_MAGIC;
}

/** @returns what a file is by how it begins, and what to do with it; undefined where it may be a trace. */
export function otherFormat(start: Buffer, path: string): string | undefined {
  return (
    MAGICS.find(({ at, bytes }) => start.subarray(at, at + bytes.length).toString('latin1') === bytes)?.what ??
    ENDINGS.find(({ ending }) => ending.test(path))?.what ??
    tableFormat(start.toString())
  );
}
