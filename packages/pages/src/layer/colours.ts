import { PAINT } from './paint.js';

/** What a picture's colours are by name: `orange`, `ink`. */
export type ColourName = keyof typeof PAINT;

/** How a picture that stands alone is coloured; `auto` follows the reader's mode where a browser shows it. */
export const THEMES = ['light', 'dark', 'auto'] as const;
export type Theme = (typeof THEMES)[number];

const VARIABLE = /="var\(--([a-z-]+), (#[0-9a-f]{6})\)"/g;

/** Light colours are what the variables fall back to. */
const LIGHT = Object.fromEntries(
  Object.entries(PAINT).map(([name, paint]) => [name, /#[0-9a-f]{6}/.exec(paint)![0]]),
) as Readonly<Record<ColourName, string>>;

const DARK: Readonly<Record<ColourName, string>> = {
  orange: '#eda15a',
  green: '#7cc282',
  violet: '#b79be6',
  neutral: '#8d96a0',
  ink: '#e6edf3',
  muted: '#9198a1',
  line: '#30363d',
  surface: '#0d1117',
  exposed: '#ff7b72',
  onBox: LIGHT.onBox,
};

/**
 * Puts colours in the place of a page's variables, which nothing but a browser knows: elsewhere all would be black.
 * @param colour what a variable is, by its name without the dashes; what it falls back to.
 */
export function withColours(svg: string, colour: (variable: string, fallback: string) => string): string {
  return svg.replace(VARIABLE, (_, variable: string, fallback: string) => `="${colour(variable, fallback)}"`);
}

/** @returns a picture in the colours of a theme. Those of `auto` are light; {@link darkRules} change them. */
export function inTheme(svg: string, theme: Theme): string {
  if (theme !== 'dark') return withColours(svg, (_, light) => light);
  const byLight = new Map((Object.keys(LIGHT) as ColourName[]).map((name) => [LIGHT[name], DARK[name]]));
  return withColours(svg, (_, light) => byLight.get(light) ?? light);
}

/** Style by which a browser that prefers dark shows a light picture dark; all else leaves it light. */
export function darkRules(): string {
  const rules = (Object.keys(LIGHT) as ColourName[])
    .filter((name) => LIGHT[name] !== DARK[name])
    .flatMap((name) => ['fill', 'stroke'].map((key) => `[${key}="${LIGHT[name]}"]{${key}:${DARK[name]}}`));
  return `<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`;
}
