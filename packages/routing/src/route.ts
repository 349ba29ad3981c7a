import { balance } from './balance.js';
import { callKey, drawOf, expertBias, scoreOf, scoreTable, tokenKey } from './draws.js';
import { LoadSampler } from './load-sampler.js';
import { Selector } from './selector.js';
import { checkRequest, type RoutingRequest } from './shape.js';

/** See {@link RoutingRequest.biasDeviation}. */
const DEFAULT_BIAS_DEVIATION = 0.009;

/**
 * Routes one rank's tokens through the model's router, by hashes of (seed, layer, token) alone: the same on every
 * machine, whatever the other ranks do, and independent of the payload.
 *
 * @param expertIds written: [tokens × topK], each token's experts in slot order, the best score first.
 * @param weights written: [tokens × topK], the unbiased scores of these experts divided by their sum.
 * @throws InvariantError for an impossible shape, arrays too short, or a balanced choice that is not balanced.
 */
export function routeTokens(request: RoutingRequest, expertIds: Uint16Array, weights: Float32Array): void {
  checkRequest(request, expertIds, weights);
  const { kind, seed, layer, tokens, shape } = request;
  const { experts, topK, groups } = shape;
  const call = callKey(request);
  if (kind === 'skewed' || kind === 'measured') {
    const sampler = new LoadSampler(shape, request.loads!);
    for (let token = 0; token < tokens; token++) sampler.select(tokenKey(call, token), expertIds, token * topK);
    sortSlots(call, tokens, topK, expertIds);
    fillWeights(request, call, expertIds, weights);
    return;
  }
  const bias =
    kind === 'biased' ? expertBias(seed, layer, experts, request.biasDeviation ?? DEFAULT_BIAS_DEVIATION) : undefined;
  const selector = new Selector(shape, bias);
  const keptGroups = kind === 'balanced' ? new Uint8Array(tokens * groups) : undefined;
  for (let token = 0; token < tokens; token++) {
    selector.select(tokenKey(call, token), expertIds, token * topK);
    if (keptGroups === undefined) continue;
    for (let k = 0; k < selector.keptGroups.length; k++) keptGroups[token * groups + selector.keptGroups[k]] = 1;
  }
  if (keptGroups !== undefined) {
    balance(request, call, expertIds, keptGroups);
    sortSlots(call, tokens, topK, expertIds);
  }
  fillWeights(request, call, expertIds, weights);
}

/** Puts every token's experts in slot order, where they were not chosen in it: descending score, the lower id of equal ones. */
function sortSlots(call: number, tokens: number, topK: number, expertIds: Uint16Array): void {
  for (let token = 0; token < tokens; token++) {
    const key = tokenKey(call, token);
    const start = token * topK;
    for (let i = start + 1; i < start + topK; i++) {
      const expert = expertIds[i];
      const draw = drawOf(key, expert);
      let row = i;
      for (; row > start; row--) {
        const other = expertIds[row - 1];
        const otherDraw = drawOf(key, other);
        if (otherDraw > draw || (otherDraw === draw && other < expert)) break;
        expertIds[row] = other;
      }
      expertIds[row] = expert;
    }
  }
}

function fillWeights(request: RoutingRequest, call: number, expertIds: Uint16Array, weights: Float32Array): void {
  const { tokens, shape } = request;
  const { topK } = shape;
  const table = scoreTable(shape.scoring);
  const scores = new Float64Array(topK);
  for (let token = 0; token < tokens; token++) {
    const key = tokenKey(call, token);
    const start = token * topK;
    let sum = 0;
    for (let slot = 0; slot < topK; slot++) {
      const score = scoreOf(table, drawOf(key, expertIds[start + slot]));
      scores[slot] = score;
      sum += score;
    }
    for (let slot = 0; slot < topK; slot++) weights[start + slot] = scores[slot] / sum;
  }
}
