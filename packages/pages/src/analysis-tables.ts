import type { Analysis } from '@epemu/analysis';
import type { PageTable } from './page-data.js';
import { percentText, timeText } from './units.js';

const MOST_KERNELS = 40;
const MOST_COLLECTIVES = 200;

type Column = PageTable['columns'][number];

const ALIGN: Readonly<Record<string, Column['align']>> = { '>': 'right', '±': 'delta' };

/** @returns columns; those whose label begins with `>` hold numbers, with `±` signed ones. */
export function columnsOf(labels: readonly string[]): Column[] {
  return labels.map((label) => {
    const align = ALIGN[label.charAt(0)];
    return align === undefined ? { label, align: 'left' } : { label: label.slice(1), align };
  });
}

/** @returns rows of which none stands out. */
export function plainRows(rows: readonly (readonly string[])[]): PageTable['rows'] {
  return rows.map((cells) => ({ cells, flagged: false }));
}

/** A stretch of time and its share, as tables show both. */
function shareText({ us, pct }: { us: number; pct: number }): string[] {
  return [timeText(us), percentText(pct)];
}

/** Phases with what of them is exposed. */
export function phaseTable({ phases, phasesInferred }: Pick<Analysis, 'phases' | 'phasesInferred'>): PageTable {
  return {
    id: 'phases',
    title: 'Phases',
    note: phasesInferred
      ? 'The trace names no phases: collectives are named by their place in the order that repeats, compute by the collective that had begun last.'
      : 'Times of one instance, over all ranks and layers.',
    columns: columnsOf(['phase', 'on', '>count', '>mean', '>min', '>max', '>busy', '>exposed']),
    rows: phases.map(({ name, kind, stream, count, meanUs, minUs, maxUs, busyUs, exposedUs }) => ({
      cells: [
        name,
        stream === null ? kind : `stream ${stream}`,
        String(Number(count.toFixed(2))),
        ...[meanUs, minUs, maxUs, busyUs, exposedUs].map(timeText),
      ],
      flagged: exposedUs > meanUs / 4 && kind !== 'computation',
    })),
  };
}

/** What a piece waits for, in words. */
const WAITS_FOR = {
  notify: 'other ranks',
  receive: 'bytes from others',
  transfer: 'its bytes',
  ranks: 'other ranks',
  unknown: 'ranks or bytes: not knowable from one rank',
  layout: 'its layout',
  send: 'its sending half',
} as const;

function exposedTable({ exposedCauses, ranks }: Analysis): PageTable {
  // In a trace of one rank, and where all bytes were on their way already, nobody is.
  const someoneLast = exposedCauses.some(({ longest }) => longest.lastRank !== null);
  return {
    id: 'exposed',
    title: 'Exposed communication by cause',
    note:
      'Communication with no compute running on its rank, by what it waits for and what it holds up' +
      `${ranks === 1 ? '' : '; times and counts of one rank, mean over ranks'}.`,
    columns: columnsOf([
      'phase',
      'waits for',
      'holds up',
      '>pieces',
      '>exposed',
      '>share',
      '>longest',
      '>at',
      'on',
      ...(someoneLast ? ['last to come'] : []),
    ]),
    rows: plainRows(
      exposedCauses.map(({ phase, waitsFor, blocked, pieces, us, sharePct, longest }) => [
        phase === '' ? 'no phase' : phase,
        WAITS_FOR[waitsFor],
        blocked ?? 'nothing: the end',
        String(Number(pieces.toFixed(1))),
        timeText(us),
        percentText(sharePct),
        timeText(longest.us),
        timeText(longest.startUs),
        `rank ${longest.rank}`,
        ...(someoneLast ? [longest.lastRank === null ? '' : `rank ${longest.lastRank}`] : []),
      ]),
    ),
  };
}

function pathTable(path: NonNullable<Analysis['criticalPath']>): PageTable {
  const { startUs, pathUs, byKind, byPhase, rankChanges } = path;
  const kinds = (['computation', 'communication', 'gap'] as const).map(
    (kind) => `${kind} ${percentText(byKind[kind].pct)}`,
  );
  return {
    id: 'critical-path',
    title: 'Critical path by phase',
    note:
      `A longest chain of kernels, transfers and waits, from ${timeText(startUs)} on for ${timeText(pathUs)}: ${kinds.join(', ')}. ` +
      `${rankChanges === 0 ? 'It stays on one rank' : `It goes from rank to rank ${rankChanges} times`}. ` +
      'A gap is time between kernels in which the trace shows nothing.',
    columns: columnsOf(['phase', '>on the path', '>share']),
    rows: plainRows(byPhase.map((share) => [share.phase === '' ? 'no phase' : share.phase, ...shareText(share)])),
  };
}

function rankPathTable({ byRank }: NonNullable<Analysis['criticalPath']>): PageTable {
  return {
    id: 'critical-path-ranks',
    title: 'Critical path by rank',
    note: '',
    columns: columnsOf(['rank', '>on the path', '>share']),
    rows: plainRows(byRank.slice(0, 16).map((share) => [`rank ${share.rank}`, ...shareText(share)])),
  };
}

function carefulText({ phasesInferred, untoldKernels, kernels }: Analysis): string {
  if (untoldKernels === 0) return '';
  if (phasesInferred && untoldKernels === kernels)
    return ' The trace names no phases, so that what waits for what is known at collectives, and where a kernel began behind the end of another stream’s, alone: savings are understated.';
  return ` Annotations (and recorded waits, where there are any) leave out ${percentText((100 * untoldKernels) / kernels)} of the kernels: what these wait for is known where they began behind the end of another stream’s alone, so that savings may be understated.`;
}

function whatIfTable(path: NonNullable<Analysis['criticalPath']>, analysis: Analysis): PageTable {
  const { measuredEndUs, replayedEndUs, errorPct, answers } = path;
  const careful = carefulText(analysis);
  return {
    id: 'what-if',
    title: 'What would help',
    note:
      `Everything timed again with one thing changed. It ended at ${timeText(measuredEndUs)}; a replay that changes nothing ` +
      `ends at ${timeText(replayedEndUs)} (${errorPct.toFixed(2)} %), against which savings are counted.${careful}`,
    columns: columnsOf(['what if', '>ends at', '>saves', '>share']),
    rows: plainRows(
      answers.map(({ what, endUs, savedUs, savedPct }) => [
        what,
        timeText(endUs),
        timeText(savedUs),
        percentText(savedPct),
      ]),
    ),
  };
}

function skewTable({ collectives }: Analysis): PageTable {
  return {
    id: 'skew',
    title: 'Skew at collectives',
    note: 'How far ranks were apart when they came to each dispatch and combine, and who came last.',
    columns: columnsOf(['collective', '>layer', '>first at', '>skew', 'last', '>after the one before', '>mean wait']),
    rows: plainRows(
      collectives
        .slice(0, MOST_COLLECTIVES)
        .map(({ phase, layer, startUs, skewUs, lastRank, lateUs, meanWaitUs }) => [
          phase,
          layer === null ? '' : String(layer),
          timeText(startUs),
          timeText(skewUs),
          lastRank === null ? 'all at once' : `rank ${lastRank}`,
          timeText(lateUs),
          timeText(meanWaitUs),
        ]),
    ),
  };
}

function stragglerTable({ stragglers }: Analysis): PageTable {
  const sorted = [...stragglers].sort((a, b) => b.timesLast - a.timesLast || b.meanLateUs - a.meanLateUs);
  return {
    id: 'stragglers',
    title: 'Who keeps the others waiting',
    note: 'Ranks by how often they came last to a collective. A straggler is last more often than chance makes a rank, or far later than the others.',
    columns: columnsOf(['rank', '>last', '>of collectives', '>late, mean', '>compute', '>over the median', '']),
    rows: sorted
      .slice(0, 16)
      .map(({ rank, timesLast, timesLastPct, meanLateUs, computeUs, computeOverMedianPct, straggler }) => ({
        cells: [
          `rank ${rank}`,
          String(timesLast),
          percentText(timesLastPct),
          timeText(meanLateUs),
          timeText(computeUs),
          percentText(computeOverMedianPct),
          straggler ? 'straggler' : '',
        ],
        flagged: straggler,
      })),
  };
}

function streamTable({ streams }: Analysis): PageTable {
  return {
    id: 'streams',
    title: 'Streams',
    note: 'Busy time of each stream, mean over the ranks that have it.',
    columns: columnsOf(['stream', 'mostly', '>kernels', '>busy', '>of the span']),
    rows: plainRows(
      streams.map(({ name, role, kernels, busyUs, busyPct }) => [
        name,
        role,
        String(Number(kernels.toFixed(1))),
        timeText(busyUs),
        percentText(busyPct),
      ]),
    ),
  };
}

function kernelTable(id: string, title: string, kernels: Analysis['kernelNames']): PageTable {
  const left = kernels.length - MOST_KERNELS;
  return {
    id,
    title,
    note:
      left > 0
        ? `The ${MOST_KERNELS} that take most time; ${left} more are left out here.`
        : 'On one rank, mean over ranks.',
    columns: columnsOf([
      title === 'Kernels' ? 'kernel' : 'kind',
      'class',
      '>count',
      '>total',
      '>mean',
      '>max',
      '>of kernel time',
    ]),
    rows: plainRows(
      kernels
        .slice(0, MOST_KERNELS)
        .map(({ name, class: kernelClass, count, totalUs, meanUs, maxUs, sharePct }) => [
          name,
          kernelClass,
          String(Number(count.toFixed(1))),
          ...[totalUs, meanUs, maxUs].map(timeText),
          percentText(sharePct),
        ]),
    ),
  };
}

function stepTable({ steps, betweenStepsUs }: Analysis): PageTable {
  return {
    id: 'steps',
    title: 'Steps of the profiler',
    note: `Each from the start of its first kernel to the end of its last, mean over ranks; between them ${timeText(betweenStepsUs)} in which none has a kernel, which idle time of the whole span has in it. --step N analyses one alone.`,
    columns: columnsOf(['step', '>at', '>span', '>compute', '>comm', '>overlap', '>exposed', '>of the step', '>idle']),
    rows: plainRows(
      steps.map(({ step, startUs, spanUs, computeUs, commUs, overlapPct, exposedCommUs, exposedCommPct, idlePct }) => [
        String(step),
        ...[startUs, spanUs, computeUs, commUs].map(timeText),
        percentText(overlapPct),
        timeText(exposedCommUs),
        ...[exposedCommPct, idlePct].map(percentText),
      ]),
    ),
  };
}

/** Tables of an analysis, in the order in which reports show them; those without rows are left out. */
export function analysisTables(analysis: Analysis): PageTable[] {
  const { criticalPath } = analysis;
  const tables = [
    stepTable(analysis),
    phaseTable(analysis),
    exposedTable(analysis),
    ...(criticalPath === null
      ? []
      : [
          whatIfTable(criticalPath, analysis),
          pathTable(criticalPath),
          ...(analysis.ranks > 1 ? [rankPathTable(criticalPath)] : []),
        ]),
    stragglerTable(analysis),
    skewTable(analysis),
    streamTable(analysis),
    kernelTable('kernel-kinds', 'Kinds of kernels', analysis.kernelClasses),
    kernelTable('kernels', 'Kernels', analysis.kernelNames),
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}
