/**
 * What a compute phase does to the tokens of a layer, in the order in which a layer does it:
 *
 * - `project` reads the layer's input (queries, keys and values of it);
 * - `attend` makes of the input what the rest of the layer works on;
 * - `route` chooses each token's experts;
 * - `experts` applies the rank's experts to the rows that a dispatch brought;
 * - `shared` applies the shared experts, whose result is added to what a combine brings;
 * - `dense` is the MLP of a dense layer.
 *
 * A phase that goes backward does the gradient of the same. Dispatch and combine are what collectives do.
 */
export const TOKEN_ACTIONS = ['project', 'attend', 'route', 'experts', 'shared', 'dense'] as const;

/** See {@link TOKEN_ACTIONS}. */
export type TokenAction = (typeof TOKEN_ACTIONS)[number];

/** What the built-in kernel lists stand for; all others (weight gradients, collectives) do nothing to tokens. */
const OF_BUILT_IN_LISTS: Readonly<Record<string, readonly TokenAction[]>> = {
  'attn(F)': ['project', 'attend', 'route'],
  'attn(B)': ['attend'],
  ATTN: ['project', 'attend', 'route'],
  'ATTN-0': ['project'],
  'ATTN-1': ['attend', 'route'],
  'mlp(F)': ['experts', 'shared'],
  'mlp(B)': ['experts', 'shared'],
  'prefill-MLP': ['experts'],
  'decode-MLP': ['experts'],
  'prefill-SHARED': ['shared'],
  'decode-SHARED': ['shared'],
  'dense-mlp(F)': ['dense'],
  'dense-mlp(B)': ['dense'],
  'prefill-DENSE-MLP': ['dense'],
  'decode-DENSE-MLP': ['dense'],
};

/** @returns what a phase with the kernel list of this name does to tokens, unless it says otherwise itself. */
export function tokenActionsOf(list: string): readonly TokenAction[] {
  return Object.hasOwn(OF_BUILT_IN_LISTS, list) ? OF_BUILT_IN_LISTS[list] : [];
}

/**
 * @param actions what a phase does in an MoE layer.
 * @param layer whether the layer is dense: there the MLP takes the experts' place, and there is nothing to route or to
 *   share; and how many shared experts the model has.
 * @returns what the phase does in such a layer.
 */
export function actionsInLayer(
  actions: readonly TokenAction[],
  { dense, sharedExperts }: { readonly dense: boolean; readonly sharedExperts: number },
): readonly TokenAction[] {
  const kept = actions.flatMap((action): TokenAction[] => {
    if (!dense) return action === 'dense' || (action === 'shared' && sharedExperts === 0) ? [] : [action];
    if (action === 'experts') return ['dense'];
    return action === 'route' || action === 'shared' ? [] : [action];
  });
  return [...new Set(kept)];
}
