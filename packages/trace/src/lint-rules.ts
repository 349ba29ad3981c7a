/**
 * `error`: a reader fails, drops events or counts them wrong. `warning`: something is not drawn or not counted, which
 * happens in sound traces too.
 */
export type LintSeverity = 'error' | 'warning';

/** What a lint rule demands, and why readers need it. */
export interface LintRule {
  readonly id: string;
  readonly severity: LintSeverity;
  readonly reason: string;
}

const ERRORS = {
  'event-timed':
    'viewers skip an event without ts, and HTA drops a complete one without dur; below 0 neither means a time',
  'kernel-args':
    'HTA takes a kernel without args.stream for work of the host, and joins it to its launch by args.correlation',
  'correlation-unique':
    'analysers join kernels and launches by correlation: a second kernel with the same one doubles rows, unless a graph launched both',
  'distributed-once': 'parsers keep the last of two distributedInfo members, HTA searches for the first rank',
} as const;

const WARNINGS = {
  'integer-times':
    'HTA rounds fractional ts up and ends down, so that nothing overlaps, and short kernels lose up to 1 µs',
  'event-named': "TensorBoard's plugin looks up the name of every event, and fails where there is none",
  'slices-nest':
    'complete events of one thread are drawn as a stack: where two overlap in part, viewers draw one of them wrong',
  'begin-end-paired': 'a B without its E is drawn to the end of the trace, an E without its B is skipped',
  'process-named': 'a process without process_name is a bare number in every viewer',
  'thread-named': 'a thread without thread_name is a bare number in every viewer',
  'flow-paired': 'an arrow needs both its ends: s and f of one category, name and id',
  'flow-forward': 'an arrow that ends before it starts is drawn backwards or not at all',
  'flow-bound': 'an end of an arrow binds to the slice around it; outside of all slices it is not drawn',
  'flow-turned':
    'Perfetto leads an arrow to the slice that begins later: from one that begins after the one it ends in, it is drawn the other way round',
  'async-paired': 'an async event needs a b and an e of one category and id, in that order',
  'kernel-launched': 'HTA drops a kernel whose launch is not in the file',
  'launch-first': 'a kernel that starts before its launch gives negative queue times',
  'launch-ascending': 'correlations ascend in the order of launch on each thread',
  'ac2g-correlation': 'the id of an ac2g arrow is the correlation of the kernel it ends at',
  'distributed-rank':
    'HTA takes a file as rank N by the first match of "rank":\\s+(\\d+), with a blank after the colon',
  'stream-positive': 'HTA takes events of stream 0 and below for host events',
  'kernels-complete':
    'HTA and epemu read kernels that are complete events (X) of category kernel; a file without one has nothing to analyse',
  'profiler-step':
    'HTA and TensorBoard cut a trace into steps by ProfilerStep annotations; without one all is one step',
  'collective-counted':
    'HTA counts kernels whose names begin with nccl and hold Kernel as communication (before, those that hold ncclKernel), all others as computation',
  'viewer-size':
    'viewers do not open so many events; the rules that compare events would need more memory, and are left out',
} as const;

export type LintRuleId = keyof typeof ERRORS | keyof typeof WARNINGS;

/** Every rule there is, errors first. */
export const LINT_RULES: readonly (LintRule & { readonly id: LintRuleId })[] = [
  ...rulesOf(ERRORS, 'error'),
  ...rulesOf(WARNINGS, 'warning'),
];

function rulesOf<Id extends LintRuleId>(
  rules: Readonly<Record<Id, string>>,
  severity: LintSeverity,
): { id: Id; severity: LintSeverity; reason: string }[] {
  return (Object.keys(rules) as Id[]).map((id) => ({ id, severity, reason: rules[id] }));
}

const BY_ID = new Map(LINT_RULES.map((rule) => [rule.id, rule]));

/** A place where a trace breaks a rule. */
export interface LintProblem {
  readonly rule: LintRuleId;
  readonly severity: LintSeverity;
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
  /**
   * Events up to which they are compared with each other, at some 100 bytes of memory each.
   *
   * @default 5 million
   */
  readonly maximumEvents?: number;
}

/** Gathers problems up to so many of each rule. */
export class LintReport {
  readonly problems: LintProblem[] = [];
  readonly #left = new Map<LintRuleId, number>();

  constructor({ maximumPerRule = 20, rules = [...BY_ID.keys()] }: LintOptions) {
    for (const rule of rules) this.#left.set(rule, maximumPerRule);
  }

  /** Reports a problem; the message is built only when it is wanted. */
  add(rule: LintRuleId, index: number, message: () => string): void {
    const left = this.#left.get(rule) ?? 0;
    if (left === 0) return;
    this.#left.set(rule, left - 1);
    const { severity, reason } = BY_ID.get(rule)!;
    this.problems.push({ rule, severity, index, message: message(), reason });
  }
}
