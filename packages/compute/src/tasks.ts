import type { RoutingRequest } from '@epemu/routing';

/** What a stand-in function stands for; each kind has weights of its own. */
export type WeightKind = 'expert' | 'shared' | 'attention' | 'dense';

/** Names one stand-in function y = W2 · softsign(W1 · x): its weights are a hash of this. */
export interface WeightKey {
  seed: number;
  layer: number;
  kind: WeightKind;
  /** Expert id; 0 for the kinds that a layer has one of. */
  index: number;
}

/** When and where a task ran: host time, `process.hrtime` in ns as a number, read inside the thread. */
export interface TaskTiming {
  startNs: number;
  endNs: number;
  /** Node's id of the worker thread. */
  thread: number;
}

/** See `routeTokens` of `@epemu/routing`. */
export interface RouteTask {
  request: RoutingRequest;
  /** Written: [tokens × topK]. */
  expertIds: Uint16Array;
  /** Written: [tokens × topK]. */
  weights: Float32Array;
}

/** The experts of one rank on the n distinct tokens it received; a *row* is one (token, expert) pair. */
export interface ExpertForwardTask {
  /** The rank's experts. */
  keys: WeightKey[];
  /** [n × hidden]. */
  tokens: Float32Array;
  /** For each row the token's index; rows are sorted by expert. */
  rowToken: Uint32Array;
  /** For each row the router's weight. */
  rowWeight: Float32Array;
  /** [keys + 1]: expert e has the rows from `expertOffsets[e]` to `expertOffsets[e + 1]`. */
  expertOffsets: Uint32Array;
  /** Written: [n × (hidden + 1)], Σ w·E(x) over the token's rows here and, in the last lane, their number. */
  partial: Float32Array;
}

/** Backward of {@link ExpertForwardTask}. */
export interface ExpertBackwardTask extends ExpertForwardTask {
  /** [n × hidden]: gradient of the loss with respect to the combined output. */
  gradient: Float32Array;
  /** For each row the token's slot (0 … topK − 1). */
  rowSlot: Uint8Array;
  topK: number;
  /** Written: [n × (hidden + 1 + topK)], dX = Σ w·Jᵀg, the number of rows, then dW = ⟨g, E(x)⟩ at each row's slot. */
  partial: Float32Array;
}

/** out = input + F(input) (+ addend), token by token. */
export interface ResidualForwardTask {
  key: WeightKey;
  /** [n × hidden]. */
  input: Float32Array;
  /** [n × addendStride], the first `hidden` lanes count. */
  addend?: Float32Array;
  /** @default hidden */
  addendStride?: number;
  /** Written: [n × hidden]; may be `input`. */
  output: Float32Array;
}

/** out = gradient + Jᵀ(input) · gradient (+ addend). */
export interface ResidualBackwardTask extends ResidualForwardTask {
  /** [n × hidden]; `output` may be this array. */
  gradient: Float32Array;
}

/** Fills tokens with values uniform in [−1, 1] by hash of (seed, kind, global token id, lane). */
export interface InitialiseTask {
  seed: number;
  kind: 'activation' | 'gradient';
  /** Global id of the first token of `output`. */
  firstToken: number;
  /** Written: [n × hidden]. */
  output: Float32Array;
}

/** Tokens whose combined rows are compared with a plain reference. */
export interface CheckForwardTask {
  seed: number;
  layer: number;
  /** [n × hidden]. */
  input: Float32Array;
  /** [n × topK]. */
  expertIds: Uint16Array;
  /** [n × topK]. */
  weights: Float32Array;
  topK: number;
  /** [n × (hidden + 1)]: what combine returned; the last lane is the number of rows and must be `topK`. */
  combined: Float32Array;
}

/** Tokens whose returned gradients are compared with a plain reference. */
export interface CheckBackwardTask {
  seed: number;
  layer: number;
  /** [n × hidden]. */
  input: Float32Array;
  /** [n × hidden]. */
  gradient: Float32Array;
  /** [n × topK]. */
  expertIds: Uint16Array;
  /** [n × topK]. */
  weights: Float32Array;
  topK: number;
  /** [n × (hidden + 1 + topK)]: dX, the number of rows, dW by slot. */
  returned: Float32Array;
}

/** A token whose way through all layers is compared with the plain model. */
export interface CheckChainTask {
  seed: number;
  /** `forward`: `output` came out of the last layer; `backward`: it is the gradient that came out of the first. */
  direction: 'forward' | 'backward';
  /** Ascending, from the first that the token went through to the last. */
  layers: readonly { readonly layer: number; readonly dense: boolean }[];
  /** Whether the model has shared experts. */
  shared: boolean;
  /** Global id of the token as its activation was initialised, and as the gradient of its loss was. */
  token: number;
  lossToken: number;
  topK: number;
  /** Experts that each layer's router chose, and their weights; [layers × topK], of dense layers undefined. */
  expertIds: Uint16Array;
  weights: Float32Array;
  /** [hidden]. */
  output: Float32Array;
}

/** Outcome of a check, in tokens; a token may be both missing rows and wrong. */
export interface NumericsResult {
  tokensChecked: number;
  /** Fewer rows than `topK` came back. */
  missing: number;
  /** More rows than `topK` came back. */
  duplicated: number;
  /** Relative error above 1e-4, or not a number. */
  wrong: number;
  /** Largest ‖got − expected‖ / ‖expected‖; Infinity where that is not a number. */
  maxRelativeError: number;
}

/** What a check found, and when and where it ran. */
export interface CheckResult {
  numerics: NumericsResult;
  timing: TaskTiming;
}

/** What each operation takes; all arrays lie in shared memory. */
export interface TaskInputs {
  route: RouteTask;
  expertForward: ExpertForwardTask;
  expertBackward: ExpertBackwardTask;
  residualForward: ResidualForwardTask;
  residualBackward: ResidualBackwardTask;
  initialise: InitialiseTask;
  checkForward: CheckForwardTask;
  checkBackward: CheckBackwardTask;
  checkChain: CheckChainTask;
}

export type TaskKind = keyof TaskInputs;

/** The message a thread gets. */
export type TaskMessage = { [K in TaskKind]: { operation: K; hidden: number; task: TaskInputs[K] } }[TaskKind];

/** The message a thread answers with; `numerics` of the checks alone. */
export interface TaskReply {
  timing: TaskTiming;
  numerics?: NumericsResult;
}
