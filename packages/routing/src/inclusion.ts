/** Halvings of the interval in which the factor of {@link groupInclusion} lies: as many as a double has bits, and some. */
const HALVINGS = 64;

/**
 * Chance of each expert to be one of a token's `topK`, in proportion to the loads. None is above 1, for a token goes to
 * an expert once: what a load asks beyond goes to the others.
 *
 * @param loads at least `topK` of them above 0.
 */
export function inclusionOf(loads: readonly number[], topK: number): Float64Array {
  const chance = new Float64Array(loads.length);
  const open = loads.map((load, expert) => ({ load, expert })).filter(({ load }) => load > 0);
  open.sort((a, b) => b.load - a.load || a.expert - b.expert);
  // From the smallest on: what the rest adds up to without those that are certain.
  const rest = new Float64Array(open.length + 1);
  for (let i = open.length - 1; i >= 0; i--) rest[i] = rest[i + 1] + open[i].load;
  let certain = 0;
  while (certain < topK && certain < open.length && open[certain].load * (topK - certain) >= rest[certain]) certain++;
  open.forEach(({ load, expert }, place) => {
    chance[expert] = place < certain ? 1 : (load / rest[certain]) * (topK - certain);
  });
  return chance;
}

/**
 * Chance of each group to be one of a token's `topGroups`: in proportion to what its experts get, at least that of its
 * most loaded expert, at most 1. Where more groups than a token may have hold an expert that every token wants, none of
 * them can have all it asks for.
 */
export function groupInclusion(chance: Float64Array, groups: number, topGroups: number): Float64Array {
  const size = chance.length / groups;
  const sums = new Float64Array(groups);
  const most = new Float64Array(groups);
  chance.forEach((of, expert) => {
    const group = Math.floor(expert / size);
    sums[group] += of;
    if (of > most[group]) most[group] = of;
  });
  if (topGroups === groups) return new Float64Array(groups).fill(1);
  const least = most.reduce((sum, of) => sum + of, 0);
  if (least >= topGroups) return most.map((of) => (of * topGroups) / least);
  const at = (factor: number): Float64Array =>
    sums.map((sum, group) => Math.min(1, Math.max(most[group], factor * sum)));
  const total = (factor: number): number => at(factor).reduce((sum, of) => sum + of, 0);
  let [low, high] = [0, 1];
  // Groups without load stay at 0, however large the factor.
  while (total(high) < topGroups && high < 1e9) high *= 2;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (total(middle) < topGroups) low = middle;
    else high = middle;
  }
  return at(high);
}
