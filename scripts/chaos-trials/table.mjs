/** @returns the row of a kind's trials: what it is, how many were as they should of how many ran, of how many there are. */
export function rowOf({ what, all, each = 1 }, trials) {
  const skipped = trials.find(({ problem }) => problem?.startsWith('skipped'))?.problem;
  const good = trials.filter(({ problem }) => problem === undefined).length;
  const seconds = trials.reduce((sum, trial) => sum + trial.seconds, 0);
  return [what, skipped ?? `${good * each} of ${trials.length * each}`, String(all * each), `${Math.round(seconds)} s`];
}

/** @returns the table of all kinds of which trials ran, in Markdown. */
export function tableOf(kinds, state) {
  const rows = kinds.flatMap((kind) => {
    const trials = state.trialsOf(kind.name);
    return trials.length === 0 ? [] : [rowOf(kind, trials)];
  });
  const lines = [['what', 'as it should', 'in full', 'took'], ['---', '---', '---', '---'], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
