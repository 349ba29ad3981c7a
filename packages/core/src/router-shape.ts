/** The function that makes a router's scores of its logits: of each alone, or of all of a token's together. */
export const SCORINGS = ['sigmoid', 'softmax'] as const;
export type Scoring = (typeof SCORINGS)[number];

/** The router's and the cluster's dimensions. */
export interface RouterShape {
  /** Routed experts of a layer; a multiple of `groups`. */
  readonly experts: number;
  /** Distinct experts a token goes to. */
  readonly topK: number;
  /** Expert groups of equal size (consecutive experts). */
  readonly groups: number;
  /** Groups a token's experts may come from. */
  readonly topGroups: number;
  /** How many of a group's best scores add up to the group's: 1 or 2. */
  readonly groupScoreExperts: number;
  /** Expert-parallel ranks. */
  readonly ranks: number;
  /** Experts per rank: `experts / ranks`, consecutive; no whole number where replicas are placed and experts alone do not divide. */
  readonly rankSize: number;
  /** Ranks per node, consecutive. */
  readonly nodeSize: number;
  /** What makes scores of the router's logits; absent: `sigmoid`. */
  readonly scoring?: Scoring;
}
