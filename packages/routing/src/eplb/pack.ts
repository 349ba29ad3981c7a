/** Where each of some weighted items goes: its pack, and its place in it. */
export interface Packing {
  readonly pack: Int32Array;
  readonly place: Int32Array;
}

/** @returns indices by descending weight, the lower index first of equal ones. */
function descending(weights: Float32Array): Int32Array {
  return Int32Array.from(weights.keys()).sort((a, b) => weights[b] - weights[a] || a - b);
}

/**
 * Packs items so that each pack holds as many, the heaviest first, each into the lightest pack that has room (the lowest
 * of equal ones). Where a pack holds one item, items stay as they are. Sums are of 32 bits, as upstream's are: close
 * calls are decided alike.
 */
export function balancedPacking(weights: Float32Array, packs: number): Packing {
  const count = weights.length;
  const room = count / packs;
  const pack = new Int32Array(count);
  const place = new Int32Array(count);
  if (room === 1) return { pack: pack.map((_, item) => item), place };
  const sums = new Float32Array(packs);
  const held = new Int32Array(packs);
  for (const item of descending(weights)) {
    let lightest = -1;
    for (let i = 0; i < packs; i++) {
      if (held[i] < room && (lightest < 0 || sums[i] < sums[lightest])) lightest = i;
    }
    pack[item] = lightest;
    place[item] = held[lightest]++;
    sums[lightest] += weights[item];
  }
  return { pack, place };
}

/** Replicas of experts: of which expert each is, and how many each expert has. */
export interface Replication {
  readonly expertOf: Int32Array;
  readonly count: Int32Array;
}

/**
 * Gives every expert a replica, and one after the other further ones to the expert whose replicas have the largest load
 * each (the lowest of equal ones).
 *
 * @param most replicas that an expert should have at most; more where all have as many.
 */
export function replicate(loads: Float32Array, replicas: number, most: number): Replication {
  const experts = loads.length;
  const expertOf = Int32Array.from({ length: replicas }, (_, i) => i);
  const count = new Int32Array(experts).fill(1);
  for (let replica = experts; replica < replicas; replica++) {
    let heaviest = heaviestBelow(loads, count, most);
    if (heaviest < 0) heaviest = heaviestBelow(loads, count, Infinity);
    expertOf[replica] = heaviest;
    count[heaviest]++;
  }
  return { expertOf, count };
}

function heaviestBelow(loads: Float32Array, count: Int32Array, most: number): number {
  let heaviest = -1;
  let load = -1;
  for (let expert = 0; expert < loads.length; expert++) {
    if (count[expert] >= most) continue;
    const each = Math.fround(loads[expert] / count[expert]);
    if (each <= load) continue;
    heaviest = expert;
    load = each;
  }
  return heaviest;
}
