import { siliconCollectives, siliconUse, stratifiedSample, tellsOfLaw } from '@epemu/published';
import type { SiliconCollective, SiliconComparison } from '@epemu/published';
import { runCollective } from './collective.js';
import { RunTimer } from './in-memory.js';

/** Presets of the GPUs that the tables have. */
const PRESETS: Readonly<Record<string, string>> = { h100: 'h100', b200: 'b200', gb200: 'gb200-nvl72' };

/** Rows of a mode, GPU, number of nodes and use in the sample. */
const MOST_OF_SAMPLE = 6;
/** The sample has no more tokens over all ranks: from there on times are in proportion, and emulating them takes long. */
const MOST_TOKENS_OF_SAMPLE = 65_536;

const HALVES = ['dispatch', 'combine'] as const;

function stratumOf(row: SiliconCollective): string {
  return [row.mode, row.gpu, row.nodes, siliconUse(row)].join(' ');
}

/** Rows that say something of links and SMs, and whose experts the ranks can share evenly. */
function rowsOfLaw(): SiliconCollective[] {
  return siliconCollectives().filter(
    (row) => row.experts % row.gpus === 0 && HALVES.some((half) => tellsOfLaw(row, half)),
  );
}

/** @returns a fixed sample: evenly over the rows of each stratum as the tables have them, so over shapes and sizes. */
export function sampledCollectives(): SiliconCollective[] {
  const rows = rowsOfLaw().filter(({ tokens, gpus }) => tokens * gpus <= MOST_TOKENS_OF_SAMPLE);
  return stratifiedSample(rows, stratumOf, MOST_OF_SAMPLE);
}

async function compared(row: SiliconCollective, timer: RunTimer): Promise<SiliconComparison[]> {
  const { mode, gpu, nodes, gpus: ranks, hidden, tokens, topK, experts, sms } = row;
  const hardware = PRESETS[gpu];
  const result = await runCollective({ mode, ranks, hidden, tokens, topK, experts, sms, hardware }, timer);
  const sizes = { tokens, hidden, topK, experts, ...(sms === undefined ? {} : { sms }) };
  const what = Object.entries(sizes).map(([name, size]) => `${name}=${size}`);
  const measured = { dispatch: row.dispatchUs, combine: row.combineUs };
  return HALVES.filter((half) => tellsOfLaw(row, half)).map((half) => ({
    family: `DeepEP ${mode} ${half}, ${nodes} ${nodes === 1 ? 'node' : 'nodes'}`,
    gpu,
    use: siliconUse(row),
    what: what.join(' '),
    measuredUs: measured[half],
    emulatedUs: result[half].transferUs,
  }));
}

/**
 * Runs collectives that were measured on silicon, one after the other over live ranks in this process, and sets the time of
 * the transfer kernels beside what was measured.
 *
 * @param all every row that tells of links and SMs, which takes hours; else a fixed sample, which takes a minute.
 * @param timer keeps what routers decide: rows of a sweep over SMs route alike.
 */
export async function collectiveComparisons(all: boolean, timer = new RunTimer()): Promise<SiliconComparison[]> {
  const rows = all ? rowsOfLaw() : sampledCollectives();
  const comparisons: SiliconComparison[] = [];
  for (const row of rows) comparisons.push(...(await compared(row, timer)));
  return comparisons;
}
