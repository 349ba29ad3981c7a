import { RankFailedError } from '@epemu/core';
import type { RunOutcome } from '@epemu/cluster';
import { plainText } from '@epemu/pages';

/** The block that a failed run prints: what ended it, and what is left of it. */
export function failureText(outcome: RunOutcome): string {
  const { error, folder, report, ranksHandedOver = report.ranksSummary.length, unwritten = [] } = outcome;
  if (error === undefined) return '';
  const lines = [`epemu: the run failed: ${error.message}`];
  if (error instanceof RankFailedError) {
    const { ranks, pid, signal, exitStatus, layer, phase } = error.detail;
    const row = (name: string, value: string | number | undefined): void => {
      if (value !== undefined && value !== '') lines.push(`  ${name.padEnd(12)}${value}`);
    };
    row('rank', ranks.join(', '));
    row('pid', pid);
    row('signal', signal);
    row('exit status', exitStatus);
    row('layer', layer);
    row('phase', phase);
  }
  const complete = `${ranksHandedOver} of ${report.ranks} ranks handed over what they had`;
  const missing = unwritten.length === 0 ? '' : `; not written: ${unwritten.join(', ')}`;
  lines.push(`  outputs     ${folder} (marked failed; ${complete}${missing})`);
  // Causes quote workers, from wherever they come; a process's last lines stay lines.
  const text = lines.flatMap((line) => line.split('\n')).map(plainText);
  return `${text.join('\n')}\n`;
}
