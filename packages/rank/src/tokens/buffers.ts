import type { ComputePool } from '@epemu/compute';

/** A block of memory that messages lie in, seen as 32-bit words, as float32 values and as bytes. */
export interface Slab {
  readonly words: Uint32Array<ArrayBuffer>;
  readonly floats: Float32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** An array in shared memory, as compute threads take them. */
export type SharedArray = Float32Array | Uint32Array | Uint16Array | Uint8Array;

/** Smallest buffer, in bytes: below this, rounding up costs nothing worth counting. */
const SMALLEST = 1024;

/** @returns a size, at least `bytes`, that many different requests share: four to eight sizes an octave. */
export function sizeClass(bytes: number): number {
  let step = SMALLEST / 4;
  while (step * 8 < bytes) step *= 2;
  return Math.max(SMALLEST, Math.ceil(bytes / step) * step);
}

/** Buffers of one kind that nobody uses, by size. */
class FreeList<T> {
  readonly #bySize = new Map<number, T[]>();

  /** @returns a free buffer of this size or the next larger one. */
  take(size: number): T | undefined {
    return this.#bySize.get(size)?.pop() ?? this.#bySize.get(sizeClass(size + 1))?.pop();
  }

  give(size: number, buffer: T): void {
    const list = this.#bySize.get(size);
    if (list === undefined) this.#bySize.set(size, [buffer]);
    else list.push(buffer);
  }
}

/**
 * Memory that the ranks of a process use again, from layer to layer and from rank to rank. Fresh memory costs page
 * faults, and a shared buffer is only freed once every compute thread has collected its garbage, which idle threads
 * put off. Contents are undefined: whoever takes a buffer writes it first. A buffer that is never given back (after a
 * failure, say) is collected as any other.
 */
export class BufferPool {
  readonly #shared = new FreeList<SharedArrayBuffer>();
  readonly #slabs = new FreeList<Slab>();

  /** @returns `length` float32 values in shared memory. */
  float32(length: number): Float32Array<SharedArrayBuffer> {
    return new Float32Array(this.#take(length * 4), 0, length);
  }

  /** @returns `length` unsigned 32-bit integers in shared memory. */
  uint32(length: number): Uint32Array<SharedArrayBuffer> {
    return new Uint32Array(this.#take(length * 4), 0, length);
  }

  /** @returns `length` unsigned 16-bit integers in shared memory. */
  uint16(length: number): Uint16Array<SharedArrayBuffer> {
    return new Uint16Array(this.#take(length * 2), 0, length);
  }

  /** @returns `length` bytes in shared memory. */
  uint8(length: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.#take(length), 0, length);
  }

  /** Takes arrays back; nobody may look at them again, nor may a compute thread still have them. */
  release(...arrays: readonly SharedArray[]): void {
    for (const { buffer } of arrays) {
      if (buffer instanceof SharedArrayBuffer && buffer.byteLength > 0) this.#shared.give(buffer.byteLength, buffer);
    }
  }

  /** @returns a slab of at least `bytes` bytes. */
  slab(bytes: number): Slab {
    const size = sizeClass(bytes);
    return this.#slabs.take(size) ?? slabOver(new ArrayBuffer(size), 0, size);
  }

  /** Takes a slab back; no message in it may be looked at again. */
  releaseSlab(slab: Slab): void {
    this.#slabs.give(slab.bytes.byteLength, slab);
  }

  #take(bytes: number): SharedArrayBuffer {
    if (bytes === 0) return new SharedArrayBuffer(0);
    const size = sizeClass(bytes);
    return this.#shared.take(size) ?? new SharedArrayBuffer(size);
  }
}

/** @returns a slab over part of a buffer; offset and length in bytes, multiples of 4. */
export function slabOver(buffer: ArrayBuffer, byteOffset: number, byteLength: number): Slab {
  return {
    words: new Uint32Array(buffer, byteOffset, byteLength / 4),
    floats: new Float32Array(buffer, byteOffset, byteLength / 4),
    bytes: new Uint8Array(buffer, byteOffset, byteLength),
  };
}

const pools = new WeakMap<ComputePool, BufferPool>();

/** @returns the buffers of all ranks that share a compute pool. */
export function buffersOf(pool: ComputePool): BufferPool {
  let buffers = pools.get(pool);
  if (buffers === undefined) pools.set(pool, (buffers = new BufferPool()));
  return buffers;
}

/** Slabs of an arena grow from the first to the last of these, so that few small messages take little memory. */
const FIRST_SLAB_BYTES = 1 << 16;
const LAST_SLAB_BYTES = 1 << 20;

/** Memory for the messages of one step of a collective: reserved one by one, given back all at once. */
export class Arena {
  readonly #buffers: BufferPool;
  readonly #slabs: Slab[] = [];
  #slab: Slab | undefined;
  #used = 0;
  #nextBytes = FIRST_SLAB_BYTES;

  constructor(buffers: BufferPool) {
    this.#buffers = buffers;
  }

  /** The slab of the last {@link reserve}. */
  get slab(): Slab {
    return this.#slab!;
  }

  /** Reserves `words` consecutive words. @returns their offset in {@link slab}; contents are undefined. */
  reserve(words: number): number {
    if (this.#slab === undefined || this.#used + words > this.#slab.words.length) {
      this.#slab = this.#buffers.slab(Math.max(this.#nextBytes, words * 4));
      this.#slabs.push(this.#slab);
      this.#nextBytes = Math.min(LAST_SLAB_BYTES, this.#nextBytes * 4);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += words;
    return at;
  }

  /** Gives all memory back; no message in it may be looked at again. */
  release(): void {
    for (const slab of this.#slabs) this.#buffers.releaseSlab(slab);
    this.#slabs.length = 0;
    this.#slab = undefined;
  }
}
