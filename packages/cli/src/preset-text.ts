import type { AnyPreset, HardwarePreset, ModelPreset } from '@epemu/presets';
import { plainTable } from './plain-table.js';

/** Width that the text of sources is wrapped to. */
const WIDTH = 118;

/** Sources by number, each text once. */
class Notes {
  readonly #numbers = new Map<string, number>();

  /** @returns the number of a source. */
  of(source: string): string {
    const number = this.#numbers.get(source) ?? this.#numbers.size + 1;
    this.#numbers.set(source, number);
    return `[${number}]`;
  }

  toString(): string {
    return [...this.#numbers].map(([source, number]) => wrapped(`[${number}] `.padStart(6), source)).join('\n');
  }
}

function wrapped(lead: string, text: string): string {
  const lines: string[] = [];
  let line = lead;
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH && line.trim() !== '') {
      lines.push(line.trimEnd());
      line = ' '.repeat(lead.length);
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join('\n');
}

/** Numbers to 5 digits, which is more than any of them is known to; whole ones whole. */
function valueText(value: unknown): string {
  if (typeof value === 'number') return String(Number.isInteger(value) ? value : Number(value.toPrecision(5)));
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([key, inner]) =>
        typeof inner === 'object' ? `${key} (${valueText(inner)})` : `${key} ${valueText(inner)}`,
      )
      .join(', ');
  }
  return String(value);
}

interface Provenance {
  readonly basis: string;
  readonly source: string;
  readonly count?: number | undefined;
  readonly spread?: number | undefined;
}

/** An entry's values by key; those of a link by `rdma.` and the link's key. */
function valuesOf(entry: object): [string, unknown][] {
  return Object.entries(entry).flatMap(([key, value]: [string, unknown]): [string, unknown][] => {
    if (['model', 'basis', 'source', 'count', 'spread'].includes(key) || value === undefined) return [];
    if (typeof value !== 'object' || value === null) return [[key, value]];
    return valuesOf(value).map(([inner, innermost]) => [`${key}.${inner}`, innermost]);
  });
}

/** @returns a table of entries that carry their own basis and source, a column for each key that any of them has. */
function entriesTable(entries: readonly (readonly [string, Provenance])[], notes: Notes): string {
  const values = entries.map(([, entry]) => new Map(valuesOf(entry)));
  const keys = [...new Set(values.flatMap((row) => [...row.keys()]))];
  const isFitted = entries.some(([, { count }]) => count !== undefined);
  const rows = entries.map(([name, { basis, source, count, spread }], index) => [
    name,
    ...keys.map((key) => (values[index].has(key) ? valueText(values[index].get(key)) : '')),
    basis,
    ...(isFitted ? [count === undefined ? '' : `${count} ± ${((spread ?? 0) * 100).toFixed(0)} %`] : []),
    notes.of(source),
  ]);
  const right = keys.map((_, index) => index + 1);
  return plainTable(['', ...keys, 'basis', ...(isFitted ? ['fit'] : []), 'source'], rows, right);
}

function section(title: string, table: string): string {
  return `${title}\n${table.replace(/^/gm, '  ').replace(/ +$/gm, '')}\n`;
}

/** Keys that have sections of their own, or none. */
const APART: ReadonlySet<string> = new Set([
  'version',
  'name',
  'description',
  'sources',
  'bases',
  'kernels',
  'transfers',
]);

const MODEL_TITLES = {
  tile: 'Kernels by tiles: floorNs, and for each wave tileNs + nsPerK × K; or bytes over memoryGBps',
  flops: 'Kernels by operations: floorNs, and operations over tflopsPerSm; or bytes over memoryGBps',
  memory: 'Kernels by bytes: floorNs, and bytes over GBps',
} as const;

function hardwareSections(preset: HardwarePreset, notes: Notes): string[] {
  const machine = Object.entries(preset).filter(([key]) => !APART.has(key));
  const rows = machine.map(([key, value]) => {
    const shown = key === 'gpu' ? { name: preset.gpu.name, sms: preset.gpu.sms } : value;
    return [key, valueText(shown), preset.bases[key] ?? '', notes.of(preset.sources[key] ?? 'no source is stated')];
  });
  const kernels = (['tile', 'flops', 'memory'] as const).map((model) => {
    const entries = Object.entries(preset.kernels).filter(([, rate]) => rate.model === model);
    return section(MODEL_TITLES[model], entriesTable(entries, notes));
  });
  const transfers = Object.entries(preset.transfers).map(([era, kinds]) =>
    section(
      `Transfers of ${era}, and of later eras that do not restate them`,
      entriesTable(Object.entries(kinds), notes),
    ),
  );
  return [section('Machine', plainTable(['', 'value', 'basis', 'source'], rows)), ...kernels, ...transfers];
}

function modelSections(preset: ModelPreset, notes: Notes): string[] {
  const { bytesPerToken, ...others } = preset;
  const row = (key: string, value: unknown): string[] => [
    key,
    valueText(value),
    notes.of(preset.sources[key] ?? 'no source is stated'),
  ];
  const shape = Object.entries(others).filter(([key]) => !APART.has(key));
  const sizes = Object.entries(bytesPerToken).map(([key, value]) => row(`bytesPerToken.${key}`, value));
  const rows = [...shape.map(([key, value]) => row(key, value)), ...sizes];
  return [section('Shape', plainTable(['', 'value', 'source'], rows))];
}

/** The text of `epemu presets <name>`: every value with its basis and the number of its source. */
export function presetText({ kind, preset }: AnyPreset): string {
  const notes = new Notes();
  const sections = kind === 'hardware' ? hardwareSections(preset, notes) : modelSections(preset, notes);
  const title = `${preset.name} (${kind})${preset.description === undefined ? '' : `: ${preset.description}`}`;
  return [wrapped('', title), '', ...sections, 'Sources', notes.toString(), ''].join('\n');
}
