import { SMALL_SIZE } from './labels.js';
import { figure } from './shapes.js';
import { escapeMarkup } from '../plain-text.js';

/** Colours: variables that the page may set, for light and for dark, with what they are where it does not. */
export const PAINT = {
  orange: 'var(--orange, #f0a35c)',
  green: 'var(--green, #86c67c)',
  violet: 'var(--violet, #b9a3d9)',
  neutral: 'var(--neutral, #c5cad1)',
  ink: 'var(--ink, #1f2328)',
  muted: 'var(--muted, #59636e)',
  line: 'var(--line, #d8dee4)',
  surface: 'var(--surface, #ffffff)',
  exposed: 'var(--exposed, #d1242f)',
  // Tones are light in both modes, so what stands on them is dark in both.
  onBox: 'var(--on-box, #1b1f24)',
} as const;

/** @returns a text element; its content is escaped, its attributes are markup. */
export function text(x: number, y: number, content: string, attributes = '', size = SMALL_SIZE): string {
  return `<text x="${figure(x)}" y="${figure(y)}" font-size="${size}" ${attributes}>${escapeMarkup(content)}</text>`;
}
