import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What makes a document a page: both are bundled when the package is built. */
export interface PageAssets {
  readonly script: string;
  /** As a content security policy names the script: `sha256-…`. */
  readonly scriptHash: string;
  readonly style: string;
  readonly styleHash: string;
}

/** @returns script and style of a page, from beside the built module whose `import.meta.url` is given. */
export function readPageAssets(moduleUrl: string): PageAssets {
  const read = (name: string): string => readFileSync(new URL(name, moduleUrl), 'utf8').trim();
  const hash = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;
  const [script, style] = [read('./page.bundle.js'), read('./page.bundle.css')];
  return { script, scriptHash: hash(script), style, styleHash: hash(style) };
}
