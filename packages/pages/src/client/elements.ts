/** @returns the page's element with this id; a page without it was built wrong. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page lacks #${id}`);
  return element;
}

/** @returns the value of a data block; null where the page has none. */
export function readData(id: string): unknown {
  const text = document.getElementById(id)?.textContent;
  return text === null || text === undefined ? null : JSON.parse(text);
}

/** Sizes a canvas to CSS pixels at the screen's resolution. @returns its context, whose unit is a CSS pixel. */
export function sizeCanvas(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio;
  const [deviceWidth, deviceHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
  // Setting a size clears the canvas, even to what it is.
  if (canvas.width !== deviceWidth || canvas.height !== deviceHeight) {
    canvas.width = deviceWidth;
    canvas.height = deviceHeight;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser draws no canvas');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
