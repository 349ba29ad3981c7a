import { withColours } from '../layer/colours.js';
import { readPalette } from './theme.js';

/** Names of files have no other characters. */
function fileName(title: string): string {
  return `${title.replace(/[^\w.-]+/g, '-').replace(/^-+|-+$/g, '') || 'layer'}.svg`;
}

/** @returns a picture of the page as a file of its own, in the colours that the page has now. */
function standalone(picture: SVGSVGElement): string {
  const copy = picture.cloneNode(true) as SVGSVGElement;
  const { width, height } = picture.viewBox.baseVal;
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  copy.setAttribute('font-family', 'sans-serif');
  const background = document.createElementNS(picture.namespaceURI, 'rect');
  for (const [name, value] of Object.entries({ width, height, fill: 'var(--surface, #ffffff)' })) {
    background.setAttribute(name, String(value));
  }
  copy.querySelector('desc')?.after(background);
  const text = new XMLSerializer().serializeToString(copy);
  const names = [...new Set([...text.matchAll(/="var\(--([a-z-]+),/g)].map(([, name]) => name))];
  const palette = readPalette(names.filter((name) => name !== 'on-box'));
  const ofPage = getComputedStyle(document.documentElement);
  return withColours(text, (name, fallback) =>
    // What the page does not set has no computed colour of its own.
    ofPage.getPropertyValue(`--${name}`) === '' ? fallback : (palette.get(name) ?? fallback),
  );
}

/** Lets buttons save the pictures beside them. */
export function startSavingPictures(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-save-picture]')) {
    const picture = button.closest('[data-picture]')?.querySelector<SVGSVGElement>('svg');
    if (!picture) continue;
    button.hidden = false;
    button.addEventListener('click', () => {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([standalone(picture)], { type: 'image/svg+xml' }));
      link.download = fileName(button.dataset.savePicture ?? '');
      link.click();
      setTimeout(() => {
        URL.revokeObjectURL(link.href);
      });
    });
  }
}
