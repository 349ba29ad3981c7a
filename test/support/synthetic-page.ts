import type { PageData, PageTable, RankBars } from '@epemu/pages';
import { syntheticTimeline, type SyntheticShape } from './synthetic-timeline.js';

/** Ranks of a node. */
const NODE = 8;

function rankBars(ranks: number): RankBars[] {
  return Array.from({ length: ranks }, (_, rank) => ({
    rank: String(rank),
    overlapPct: 80 + ((rank * 7) % 20),
    computeBusyPct: 70 + ((rank * 5) % 22),
    commBusyPct: 40 + ((rank * 3) % 30),
    exposedPct: 2 + (rank % 9),
    idlePct: 4 + (rank % 11),
  }));
}

function phaseTable(rows: number): PageTable {
  return {
    id: 'phases',
    title: 'Phases',
    note: 'Durations over all ranks and layers.',
    columns: [
      { label: 'Phase', align: 'left' },
      ...['Count', 'Mean µs', 'Median µs', '95 % µs', 'Most µs', 'Exposed µs'].map((label) => ({
        label,
        align: 'right' as const,
      })),
      { label: 'Against published', align: 'delta' },
    ],
    rows: Array.from({ length: rows }, (_, row) => ({
      cells: [
        `phase ${row}(F)`,
        ...[8, 101.5, 99, 120, 130.5, 3.25].map((value) => String(value + row)),
        row % 2 === 0 ? `+${row}.5 %` : `−${row}.5 %`,
      ],
      flagged: row % 10 === 3,
    })),
  };
}

/** @returns a page with something in every section. */
export function syntheticPage(shape: SyntheticShape, tableRows = 12): PageData {
  const { ranks } = shape;
  return {
    kind: 'run',
    title: `train, ${ranks} ranks`,
    subtitle: 'seed 1, digest 5f3a9c0211de',
    warnings: ['The run failed on rank 3: the peer closed the connection.'],
    finding:
      'The largest exposed piece is COMBINE(B) on rank 3 (41.20 µs, 1.3 % of the step): expert 17 receives 2.1 times the mean. Try 2 more redundant experts.',
    figures: [
      { label: 'Step time', value: '129.01 ms', note: 'slowest rank 3' },
      { label: 'Overlap', value: '96.3 %', note: 'of communication beside compute' },
      { label: 'Exposed', value: '4.77 ms', note: '' },
      { label: 'Compute busy', value: '91.2 %', note: 'mean over ranks' },
      { label: 'Tokens a second', value: '31 744', note: '' },
    ],
    layers: [
      { title: `train, ${ranks} ranks: layer 1 of rank 0`, startNs: 900_000, endNs: 1_800_000, rows: [], gates: [] },
    ],
    timeline: syntheticTimeline(shape),
    ranks: rankBars(ranks),
    matrix: {
      ranks,
      nodeSize: NODE,
      bytes: Array.from({ length: ranks * ranks }, (_, i) => {
        const [from, to] = [Math.floor(i / ranks), i % ranks];
        if (from === to) return 0;
        const near = Math.floor(from / NODE) === Math.floor(to / NODE);
        return (near ? 1_200_000_000 : 300_000_000) * (1 + ((from * 31 + to * 17) % 50) / 50);
      }),
    },
    tables: [phaseTable(tableRows)],
    configuration: { scenario: 'train', ranks, routing: { skew: 0.3, seed: 1 }, gpu: 'H800' },
    statement: {
      real: 'Routing, batches, message sizes and the order of operations.',
      modelled: 'Durations of kernels and transfers.',
    },
    epemuVersion: '0.1.0',
  };
}
