/** What a lint rule demands, and why readers need it. */
export interface LintRule {
  readonly id: string;
  readonly reason: string;
}

const RULES = {
  'integer-times': 'HTA reads ts and dur as integers; a negative or fractional one is cut or refused',
  'slices-nest': 'complete events of one thread are drawn as a stack: where two overlap in part, viewers drop one',
  'process-named': 'a process without process_name is a bare number in every viewer',
  'thread-named': 'a thread without thread_name is a bare number in every viewer',
  'flow-paired': 'an arrow needs both its ends: s and f of one category, name and id',
  'flow-forward': 'an arrow that ends before it starts is drawn backwards or not at all',
  'flow-bound': 'an end of an arrow binds to the slice around it; outside of all slices it is not drawn',
  'async-paired': 'an async event needs a b and an e of one category and id, in that order',
  'correlation-unique':
    'analysers join kernels and launches by correlation; a second kernel with the same one doubles rows',
  'kernel-launched': 'HTA drops a kernel whose launch is not in the file',
  'launch-first': 'a kernel that starts before its launch gives negative queue times',
  'launch-ascending': 'correlations ascend in the order of launch on each thread',
  'ac2g-correlation': 'the id of an ac2g arrow is the correlation of the kernel it ends at',
  'distributed-rank': 'HTA takes a file as rank N by the expression "rank":\\s+(\\d+), with a blank after the colon',
  'stream-positive': 'HTA takes events of stream 0 and below for host events',
  'one-profiler-step': 'HTA and TensorBoard cut a trace into steps; a rank file here is exactly one',
} as const;

export type LintRuleId = keyof typeof RULES;

/** Every rule there is. */
export const LINT_RULES: readonly LintRule[] = Object.entries(RULES).map(([id, reason]) => ({ id, reason }));

/** A place where a trace breaks a rule. */
export interface LintProblem {
  readonly rule: LintRuleId;
  /** Index of the event in `traceEvents`; −1 when the whole file is at fault. */
  readonly index: number;
  readonly message: string;
  /** Why the rule is there. */
  readonly reason: string;
}

/** What to look at and how much to say. */
export interface LintOptions {
  /**
   * Problems reported of one rule; a wrong trace often breaks it at every event.
   *
   * @default 20
   */
  readonly maximumPerRule?: number;
  /** Rules to check; all when absent. */
  readonly rules?: readonly LintRuleId[];
}

/** Gathers problems up to so many of each rule. */
export class LintReport {
  readonly problems: LintProblem[] = [];
  readonly #left = new Map<LintRuleId, number>();

  constructor({ maximumPerRule = 20, rules = Object.keys(RULES) as LintRuleId[] }: LintOptions) {
    for (const rule of rules) this.#left.set(rule, maximumPerRule);
  }

  /** Reports a problem; the message is built only when it is wanted. */
  add(rule: LintRuleId, index: number, message: () => string): void {
    const left = this.#left.get(rule) ?? 0;
    if (left === 0) return;
    this.#left.set(rule, left - 1);
    this.problems.push({ rule, index, message: message(), reason: RULES[rule] });
  }
}
