import { setFlagsFromString } from 'node:v8';

/**
 * From the next collection on, what lies about in the old generation is at most half of what is in use. V8 by itself
 * lets the heap grow to four times that before it looks; merging leaves hundreds of megabytes behind, of which it needs none.
 */
export function boundGarbage(): void {
  setFlagsFromString('--heap-growing-percent=50');
}
