import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What makes the document a page: both are bundled when the package is built. */
export interface PageAssets {
  readonly script: string;
  /** As a content security policy names the script: `sha256-…`. */
  readonly scriptHash: string;
  readonly style: string;
}

/** @returns script and style of the page. */
export function readPageAssets(): PageAssets {
  const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8').trim();
  const script = read('./page.bundle.js');
  const scriptHash = `sha256-${createHash('sha256').update(script).digest('base64')}`;
  return { script, scriptHash, style: read('./page.bundle.css') };
}
