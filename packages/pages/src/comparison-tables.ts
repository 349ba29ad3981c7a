import type { Comparison, FigureComparison, KernelComparison, LayerParts, PhaseComparison } from '@epemu/analysis';
import { columnsOf, plainRows } from './analysis-tables.js';
import type { PageTable } from './page-data.js';
import { percentText, signedPercentText, signedPointsText, signedText, signedTimeText, timeText } from './units.js';

const ABSENT = '–';

/** Parts of a layer in the order in which they stand; copies only where there are any. */
const PARTS: readonly (readonly [keyof LayerParts, string])[] = [
  ['computeUs', 'computation'],
  ['exposedCommUs', 'exposed communication'],
  ['copyUs', 'copies and fills alone'],
  ['idleUs', 'idle'],
  ['layerUs', 'together'],
];

function timeOrAbsent(us: number | null): string {
  return us === null ? ABSENT : timeText(us);
}

function percentOrAbsent(pct: number | null): string {
  return pct === null ? '' : signedPercentText(pct);
}

/** `steady layer`, `layer`, `span`: what times are of. */
export function unitText({ basis }: Pick<Comparison, 'basis'>, window = basis.window): string {
  return `${window === 'steady' ? 'steady ' : ''}${basis.unit}`;
}

/** What a layer's time is made of, on both sides; the differences add up. */
export function decompositionTable(comparison: Comparison): PageTable {
  const { a, b, difference } = comparison.decomposition;
  const parts = PARTS.filter(([part]) => part !== 'copyUs' || a.copyUs !== 0 || b.copyUs !== 0);
  return {
    id: 'decomposition',
    title: `One ${unitText(comparison)}`,
    note: 'Time in which something computes, in which only communication runs, and in which nothing does.',
    columns: columnsOf(['', '>A', '>B', '±B − A', '±of A’s layer'.replace('layer', comparison.basis.unit)]),
    rows: parts.map(([part, label]) => ({
      cells: [
        label,
        timeText(a[part]),
        timeText(b[part]),
        signedTimeText(difference[part]),
        a.layerUs === 0 ? '' : signedPercentText((100 * difference[part]) / a.layerUs),
      ],
      flagged: false,
      // Computation is work, no waste.
      ...(part === 'computeUs' ? {} : { better: 'less' as const }),
    })),
  };
}

/** @returns a figure as a table has it. */
export function figureText({ unit }: FigureComparison, value: number): string {
  if (unit === 'µs') return timeText(value);
  if (unit === '%') return percentText(value);
  if (unit === 'tokens/s') return value.toFixed(0);
  return unit === 'layers' ? String(value) : value.toFixed(3);
}

/** @returns how two figures differ, with a sign. */
export function figureDifference({ unit, difference }: FigureComparison): string {
  if (unit === 'µs') return signedTimeText(difference);
  return unit === '%' ? signedPointsText(difference) : signedText(difference);
}

const WINDOWS = { steady: 'steady layers', whole: 'the whole', model: 'the whole model' } as const;

function figureTable({ figures }: Comparison): PageTable {
  return {
    id: 'figures',
    title: 'Figures side by side',
    note: 'Means over ranks, by the definitions of Holistic Trace Analysis; the steady layers are all but the first and the last.',
    columns: columnsOf(['figure', 'over', '>A', '>B', '±B − A', '±of A']),
    rows: figures.map((figure) => ({
      cells: [
        ...[figure.name, WINDOWS[figure.window], figureText(figure, figure.a), figureText(figure, figure.b)],
        ...[figureDifference(figure), percentOrAbsent(figure.differencePct)],
      ],
      flagged: false,
      ...(figure.better === null ? {} : { better: figure.better }),
    })),
  };
}

/** What a GPU of each side holds, where a report tells. */
function memoryTable({ memory }: Comparison): PageTable[] {
  if (memory.length === 0) return [];
  const gigabytes = (value: number | null): string => (value === null ? ABSENT : `${value.toFixed(2)} GB`);
  return [
    {
      id: 'memory',
      title: 'Memory of a GPU',
      note: 'What the fullest GPU holds of the whole model, its KV cache and what it works on.',
      columns: columnsOf(['part', '>A', '>B', '±B − A']),
      rows: plainRows(
        memory.map(({ part, aGB, bGB, differenceGB }) => [
          ...[part, gigabytes(aGB), gigabytes(bGB)],
          differenceGB === null ? '' : `${signedText(differenceGB)} GB`,
        ]),
      ),
    },
  ];
}

function phaseRow({ phase, kind, a, b, ...by }: PhaseComparison): string[] {
  const only = a === null ? 'only B' : b === null ? 'only A' : '';
  return [
    phase,
    only === '' ? kind : `${kind}, ${only}`,
    timeOrAbsent(a?.meanUs ?? null),
    timeOrAbsent(b?.meanUs ?? null),
    by.differenceUs === null ? '' : signedTimeText(by.differenceUs),
    signedTimeText(by.layerDifferenceUs),
    signedTimeText(by.contributionUs),
    // Of a change that is next to none, shares are thousands of percent, which say nothing.
    percentOrAbsent(Math.abs(by.sharePct ?? 0) < 1000 ? by.sharePct : null),
  ];
}

function phasesTable(comparison: Comparison): PageTable {
  const { basis, phases, changes } = comparison;
  const unit = basis.unit;
  const rest = changes.filter(({ what }) => what === '');
  const restRow = (name: string, us: number): string[] => [name, '', '', '', '', '', signedTimeText(us), ''];
  return {
    id: 'phases',
    title: 'Phases, by what they changed',
    note:
      `Mean wall time of one instance, and what differs in a ${unitText(comparison, basis.tablesWindow)}. A phase adds to the ${unit} ` +
      `what it computes, and its communication with no compute running; the last column but one adds up to the ${unit}’s difference.`,
    columns: columnsOf([
      ...['phase', 'on', '>A', '>B', '±B − A'],
      ...[`±in a ${unit}`, `±adds to the ${unit}`, '±share of the change'],
    ]),
    rows: plainRows([
      ...phases.map(phaseRow),
      ...rest.map(({ part, differenceUs }) =>
        restRow(part === 'idle' || part === 'copies and fills' ? `(${part})` : `(other ${part})`, differenceUs),
      ),
    ]).map((row) => ({ ...row, better: 'less' as const })),
  };
}

function collectiveTable(comparison: Comparison): PageTable[] {
  const { collectives, basis } = comparison;
  if (collectives === null || collectives.length === 0) return [];
  return [
    {
      id: 'collectives',
      title: 'Collectives by role',
      note: `Kernels that lay out, notify (wait for other ranks) and transfer; time in a ${unitText(comparison, basis.tablesWindow)}.`,
      columns: columnsOf(['collective', 'role', '>A', '>B', '±B − A']),
      rows: plainRows(
        collectives.map(({ phase, role, aUs, bUs, differenceUs }) => [
          ...[phase, role, timeOrAbsent(aUs), timeOrAbsent(bUs)],
          signedTimeText(differenceUs),
        ]),
      ),
    },
  ];
}

function countText(count: number | null): string {
  return count === null ? ABSENT : String(Number(count.toFixed(1)));
}

function kernelRow({
  name,
  class: kernelClass,
  aCount,
  bCount,
  aUs,
  bUs,
  differenceUs,
  differencePct,
}: KernelComparison): string[] {
  return [
    ...[name, kernelClass, countText(aCount), countText(bCount), timeOrAbsent(aUs), timeOrAbsent(bUs)],
    ...[signedTimeText(differenceUs), aUs === null || bUs === null ? '' : percentOrAbsent(differencePct)],
  ];
}

function kernelTable(comparison: Comparison, of: 'kernelClasses' | 'kernels'): PageTable {
  const { basis } = comparison;
  const isClass = of === 'kernelClasses';
  return {
    id: isClass ? 'kernel-classes' : 'kernels',
    title: isClass ? 'Kernels by category' : 'Kernels by name',
    note: `Launches and the sum of their times in a ${unitText(comparison, basis.tablesWindow)}; kernels that run at once count each.`,
    columns: columnsOf([
      isClass ? 'category' : 'kernel',
      'counts as',
      '>A launches',
      '>B launches',
      '>A',
      '>B',
      '±B − A',
      '±of A',
    ]),
    rows: plainRows(comparison[of].map(kernelRow)),
  };
}

/** What the two were configured with, where it differs. */
function configurationTable({ configuration }: Comparison): PageTable[] {
  if (configuration.length === 0) return [];
  return [
    {
      id: 'configuration-differences',
      title: 'Configured differently',
      note: '',
      columns: columnsOf(['key', 'A', 'B']),
      rows: plainRows(configuration.map(({ key, a, b }) => [key, a ?? ABSENT, b ?? ABSENT])),
    },
  ];
}

/** All tables of a comparison, in the order in which they stand. */
export function comparisonTables(comparison: Comparison): PageTable[] {
  return [
    ...configurationTable(comparison),
    decompositionTable(comparison),
    figureTable(comparison),
    ...memoryTable(comparison),
    phasesTable(comparison),
    ...collectiveTable(comparison),
    kernelTable(comparison, 'kernelClasses'),
    kernelTable(comparison, 'kernels'),
  ];
}
