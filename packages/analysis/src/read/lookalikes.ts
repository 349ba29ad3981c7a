import type { KernelIdentity } from '@epemu/timeline';
import { parseKernelName } from '@epemu/trace';
import { FUSED_CATEGORY } from '../kernel-role.js';
import type { InputProblem } from '../model.js';

/** Words of communication, as parts of a name between underscores, colons and capitals. */
const WORDS =
  /(?:^|[_:])(?:dispatch|combine|send|recv|broadcast|all2all|a2a|p2p|nvshmem\w*|ibgda|rdma|nvlink|nvls|peer|remote|ipc|comm|ccl|\w*ep_(?:dispatch|combine))(?=$|[_:\d]|[A-Z])|(?:Dispatch|Combine|Send|Recv|Broadcast|AllToAll|A2A|P2P)(?=$|[_A-Z\d])/;
/** Words of computation that has such words too: attention splits and combines, operators are dispatched by index. */
const NOT =
  /flash|attn|attention|mla|splitkv|fmha|decode|cub::|at::|thrust|elementwise|index|chunk|triton_(?:poi|red|per|tem)_/i;
/** Names told in a sentence; of more the rest is counted. */
const MOST_NAMED = 4;
const MOST_CHARACTERS = 60;

function listed(names: readonly string[]): string {
  const shown = names
    .slice(0, MOST_NAMED)
    .map((name) => (name.length > MOST_CHARACTERS ? `${name.slice(0, MOST_CHARACTERS - 1)}…` : name));
  return `${shown.join(', ')}${names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : ''}`;
}

/** @returns hints about kernels that are counted as computation, and may be something else by their names. */
export function lookalikeProblems(identities: readonly KernelIdentity[], file: string): InputProblem[] {
  const computing = identities.filter(({ class: kernelClass, library }) => kernelClass === 'compute' && library === '');
  const alike = computing
    .filter(
      ({ category, name }) =>
        category !== FUSED_CATEGORY && !NOT.test(name) && WORDS.test(parseKernelName(name).path.join('::')),
    )
    .map(({ name }) => name);
  const fused = computing.filter(({ category }) => category === FUSED_CATEGORY).map(({ name }) => name);
  const problems: InputProblem[] = [];
  if (alike.length > 0) {
    const what = `${listed(alike)} ${alike.length === 1 ? 'looks' : 'look'} like communication and ${alike.length === 1 ? 'is' : 'are'} counted as computation`;
    problems.push({
      file,
      message: `${what}: if that is wrong, name them with --communication PATTERN`,
      partial: false,
    });
  }
  if (fused.length > 0) {
    const message = `${listed(fused)}: computation and communication in one slice, counted as computation; how much of either it is, and what of it waits, no trace tells`;
    problems.push({ file, message, partial: false });
  }
  return problems;
}
