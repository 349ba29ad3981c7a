/** What the repair works on: the choice so far and how far each expert is from its quota. */
export interface Assignment {
  readonly tokens: number;
  readonly topK: number;
  readonly groups: number;
  readonly topGroups: number;
  readonly groupSize: number;
  /** Experts per node. */
  readonly nodeExperts: number;
  /** [tokens × topK], rewritten in place. */
  readonly expertIds: Uint16Array;
  /** [tokens × groups], 1 where the token's router kept the group. */
  readonly keptGroups: Uint8Array;
  /** Rows above (positive) or below the quota, per expert. */
  readonly excess: Int32Array;
}

/** @returns whether the token goes to the expert. */
export function holds(assignment: Assignment, token: number, expert: number): boolean {
  const { topK, expertIds } = assignment;
  const end = (token + 1) * topK;
  for (let row = token * topK; row < end; row++) if (expertIds[row] === expert) return true;
  return false;
}
