import type { Tone } from './picture.js';
import { charactersOf } from '../plain-text.js';

/** Colours of the 256 that terminals have: black on a tone; red for what is exposed; grey for what is beside the point. */
const STYLES: Readonly<Record<CellStyle, string>> = {
  orange: '48;5;215;38;5;16',
  green: '48;5;114;38;5;16',
  violet: '48;5;183;38;5;16',
  neutral: '48;5;250;38;5;16',
  exposed: '38;5;203',
  quiet: '38;5;245',
};

/** How a cell looks where there is colour. */
export type CellStyle = Tone | 'exposed' | 'quiet';

/** One line of a terminal: cells of one character each. */
export class CanvasLine {
  readonly #characters: string[];
  readonly #styles: (CellStyle | undefined)[];

  constructor(columns: number) {
    this.#characters = new Array<string>(columns).fill(' ');
    this.#styles = new Array<CellStyle | undefined>(columns).fill(undefined);
  }

  /** Puts text at a column; what would stand beyond the last is left out. */
  put(column: number, text: string, style?: CellStyle): void {
    charactersOf(text).forEach((character, index) => {
      if (column + index >= this.#characters.length) return;
      this.#characters[column + index] = character;
      this.#styles[column + index] = style;
    });
  }

  /** @returns whether nothing stands in `length` cells from a column on, nor beside them; nothing beyond the last is free. */
  isFree(column: number, length: number): boolean {
    if (column + length > this.#characters.length) return false;
    const around = this.#characters.slice(Math.max(0, column - 1), column + length + 1);
    return around.every((character) => character === ' ');
  }

  /** @returns the line without blanks at its end, with ANSI colours if they are wanted. */
  text(colour: boolean): string {
    const plain = this.#characters.join('');
    if (!colour) return plain.trimEnd();
    let [line, current] = ['', undefined as CellStyle | undefined];
    this.#characters.forEach((character, index) => {
      const style = this.#styles[index];
      if (style !== current) line += style === undefined ? '\x1b[0m' : `\x1b[0;${STYLES[style]}m`;
      current = style;
      line += character;
    });
    return current === undefined ? line.trimEnd() : `${line}\x1b[0m`;
  }
}
