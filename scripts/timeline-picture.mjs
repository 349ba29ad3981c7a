// Draws one steady layer of a finished run as SVG: node scripts/timeline-picture.mjs RUN [RANK] > picture.svg
import { join } from 'node:path';
import { readTraceEvents } from '@epemu/trace';
import { readFileSync } from 'node:fs';

const [run, rank = '0'] = process.argv.slice(2);
const { scenario, schedule } = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
const COLOURS = ['#f2a35e', '#7fbf7b'];
const WIDTH = 1120;
const LEFT = 110;
const ROW = 46;

// Orange for forward or micro-batch 0, green for backward or micro-batch 1, as the published figures have it.
const colourOf = (name) => {
  const phase = schedule.phases.find((candidate) => candidate.name === name || candidate.name === `issue ${name}`);
  return phase === undefined ? '#b9a3d9' : COLOURS[phase.microBatch];
};

const slices = [];
const open = new Map();
for await (const event of readTraceEvents(join(run, 'ranks', `rank-${rank.padStart(5, '0')}.json.gz`))) {
  if (event.cat === 'gpu_user_annotation')
    slices.push({ row: event.tid, name: event.name, start: event.ts, end: event.ts + event.dur });
  if (event.ph === 'b') open.set(event.id, event);
  if (event.ph === 'e') slices.push({ row: 'network', name: event.name, start: open.get(event.id).ts, end: event.ts });
}
const marks = slices
  .filter(({ name }) => name === schedule.layerMarker)
  .map(({ start }) => start)
  .sort((a, b) => a - b);
const from = marks[1];
const to = marks[2] ?? Math.max(...slices.map(({ end }) => end));
const scale = (WIDTH - LEFT - 10) / (to - from);
const streams = Object.values(schedule.streams).sort((a, b) => a.id - b.id);
const rows = [
  ...streams.map(({ id, name }) => ({ id, label: `stream ${id}`, note: name.split(':')[0] })),
  { id: 'network', label: 'network', note: 'background RDMA' },
].filter(({ id }) => slices.some(({ row }) => row === id));

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const parts = [];
const text = (x, y, content, attributes = '') =>
  parts.push(`<text x="${x}" y="${y}" ${attributes}>${escape(content)}</text>`);
rows.forEach(({ id, label, note }, index) => {
  const y = 40 + index * ROW;
  text(4, y + 16, label, 'font-weight="bold"');
  text(4, y + 30, note, 'fill="#666"');
  for (const { name, start, end } of slices.filter(
    (slice) => slice.row === id && slice.end > from && slice.start < to,
  )) {
    const x = LEFT + (Math.max(start, from) - from) * scale;
    const width = Math.max(1.5, (Math.min(end, to) - Math.max(start, from)) * scale);
    parts.push(
      `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="36" fill="${colourOf(name)}" stroke="#fff"><title>${escape(name)}: ${end - start} µs</title></rect>`,
    );
    const shown = width > name.length * 5.4 ? name : '';
    if (shown !== '') text((x + width / 2).toFixed(1), y + 16, shown, 'text-anchor="middle"');
    if (width > 44) text((x + width / 2).toFixed(1), y + 29, `${end - start} µs`, 'text-anchor="middle" fill="#333"');
  }
});
const height = 40 + rows.length * ROW + 30;
const axis = 40 + rows.length * ROW;
const step = 10 ** Math.floor(Math.log10((to - from) / 4));
for (let t = 0; t <= to - from; t += step * ((to - from) / step > 8 ? 2 : 1)) {
  const x = (LEFT + t * scale).toFixed(1);
  parts.push(`<line x1="${x}" x2="${x}" y1="34" y2="${axis}" stroke="#ccc" stroke-dasharray="2 3"/>`);
  text(x, axis + 16, `${t} µs`, 'text-anchor="middle" fill="#666"');
}
text(
  4,
  20,
  `epemu ${scenario}: one steady layer of rank ${rank}, ${to - from} µs (orange: micro-batch 0, green: micro-batch 1)`,
  'font-size="14"',
);
console.log(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
</svg>`);
