import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';

/** Where a preset's text stands, for messages. */
export interface Place {
  /** A path, or `hardware` of a configuration. */
  readonly file: string;
  /** Whether `file` is a path, which relative paths in it start from. */
  readonly isPath: boolean;
  /** @returns the line of a key, else of the mapping that should hold it; undefined where there is no text. */
  lineOf(path: readonly PropertyKey[]): number | undefined;
}

/** @returns the place of a value that stands in no file of its own. */
export function placeWithoutText(file: string): Place {
  return { file, isPath: false, lineOf: () => undefined };
}

/** Offset of the deepest key of a path that the document has; 0 where it has none of them. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node = document.contents;
  let offset = 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key: name }) => isScalar(name) && name.value === key);
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(node) && typeof key === 'number' && key < node.items.length) {
      node = node.items[key] as Node;
      offset = node.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}

/** @returns the place of a JSON or YAML text; the text is only looked into when a line is asked for. */
export function placeOf(file: string, text: string): Place {
  return {
    file,
    isPath: true,
    lineOf: (path) => {
      const lineCounter = new LineCounter();
      try {
        const document = parseDocument(text, { lineCounter, logLevel: 'error' });
        return lineCounter.linePos(offsetOf(document, path)).line;
      } catch {
        // JSON may nest deeper than YAML's parser can follow; then the key alone must do.
        return undefined;
      }
    },
  };
}

/** @returns `FILE, line 3, ` for messages, or `FILE, ` where there is no line. */
export function at(place: Place, path: readonly PropertyKey[]): string {
  const line = place.lineOf(path);
  return line === undefined ? `${place.file}, ` : `${place.file}, line ${line}, `;
}
