/** How the tokens of a micro-batch attend, which no grid tells. */
export interface AttentionOptions {
  /** Tokens of a sequence in training and prefill; default: the micro-batch is one sequence. */
  readonly sequenceLength?: number;
  /** Tokens in the KV cache of a request in decode. */
  readonly kvLength?: number;
}

/**
 * (query, key) pairs of a phase: of whole sequences, each token attending to itself and those before it; of decode,
 * each token attending to the KV cache, NaN where its length is not known.
 */
export function attentionPairs(tokens: number, kind: string, options: AttentionOptions): number {
  if (kind === 'attention-decode') return tokens * (options.kvLength ?? NaN);
  const length = Math.min(options.sequenceLength ?? tokens, tokens);
  return (tokens / length) * ((length * (length + 1)) / 2);
}
