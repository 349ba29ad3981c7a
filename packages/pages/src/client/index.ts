/** Parts of the report page's client that other pages share; for browsers only. */
export { toneOf, type Tone } from '../layer/picture.js';
export { axisTicks, type View } from '../timeline/view.js';
export { formatBytes, formatNs } from '../units.js';
export { byId, sizeCanvas } from './elements.js';
export { startCopyButtons } from './tables.js';
export { onThemeChange, readPalette, startTheme, type Palette } from './theme.js';
export { drawText } from './timeline-frame.js';
