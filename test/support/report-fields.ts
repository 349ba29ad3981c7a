/** A shape: a type's name, the shape of an object's fields, or that of every element of a list that is not empty. */
export type Shape =
  'string' | 'number' | 'number or null' | readonly [Shape] | 'list' | { readonly [field: string]: Shape };

const FIGURES = {
  spanUs: 'number',
  layerUs: { mean: 'number', min: 'number', max: 'number' },
  computeBusyPct: 'number',
  commBusyPct: 'number',
  idlePct: 'number',
  overlapPct: 'number',
  exposedCommUs: 'number',
  exposedCommPct: 'number',
  exposedCommPctOfComm: 'number',
  serialUs: 'number',
  overlapGain: 'number',
} as const;

/** Fields of `report.json` in section 6 of the design; optional ones are left out. */
export const REPORT_FIELDS: Shape = {
  schema: 'string',
  epemuVersion: 'string',
  scenario: 'string',
  ranks: 'number',
  nodes: 'number',
  layers: 'number',
  seed: 'number',
  routing: 'string',
  fabric: 'string',
  ranksPerWorker: 'number',
  status: 'string',
  digest: 'string',
  timeline: { ...FIGURES, kernelsOnly: FIGURES },
  steady: { ...FIGURES, kernelsOnly: FIGURES },
  phases: [
    {
      name: 'string',
      // Null for a background transfer, which no stream runs.
      stream: 'number or null',
      count: 'number',
      meanUs: 'number',
      minUs: 'number',
      maxUs: 'number',
      busyUs: 'number',
      exposedUs: 'number',
    },
  ],
  ranksSummary: [
    {
      rank: 'number',
      spanUs: 'number',
      computeBusyPct: 'number',
      exposedCommPct: 'number',
      receivedTokens: 'number',
      expertRows: 'number',
    },
  ],
  imbalance: [
    {
      layer: 'number',
      rankMaxOverMean: 'number',
      expertMaxOverMean: 'number',
      nodeMaxOverMean: 'number',
      gini: 'number',
      emptyRanks: 'list',
    },
  ],
  throughput: { tokensPerSecondPerGpu: 'number', tokensPerSecondPerNode: 'number', stepMs: 'number' },
  traffic: { rdmaBytes: 'number', nvlinkBytes: 'number', wireMessages: 'number', wireBytes: 'number' },
  numerics: {
    tokensChecked: 'number',
    chainsChecked: 'number',
    missing: 'number',
    duplicated: 'number',
    maxRelativeError: 'number',
  },
  host: {
    wallSeconds: 'number',
    startupSeconds: 'number',
    emulateSeconds: 'number',
    mergeSeconds: 'number',
    messagesPerSecond: 'number',
    peakRssBytes: 'number',
    processes: 'number',
  },
  calibration: 'list',
};

/** @returns paths of a shape's fields that a value lacks or has of another type. */
export function missingFields(value: unknown, shape: Shape, path = 'report'): string[] {
  if (shape === 'list') return Array.isArray(value) ? [] : [path];
  if (shape === 'number or null') return value === null ? [] : missingFields(value, 'number', path);
  if (typeof shape === 'string') return typeof value === shape ? [] : [path];
  if (isList(shape)) {
    if (!Array.isArray(value) || value.length === 0) return [path];
    return value.flatMap((element: unknown, i) => missingFields(element, shape[0], `${path}[${i}]`));
  }
  if (typeof value !== 'object' || value === null) return [path];
  const fields = new Map(Object.entries(value));
  return Object.entries(shape).flatMap(([name, inner]) => missingFields(fields.get(name), inner, `${path}.${name}`));
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}
