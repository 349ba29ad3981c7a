import type { Half } from './half-name.js';

/** Words by which annotations tell halves: `issue DISPATCH(0)` and `wait DISPATCH(0)`, `dispatch_a` and `dispatch_b`. */
const SEND = /(?:^|[^a-z])(?:issue|i?send|(?:dispatch|combine)_a)(?:[^a-z]|$)/i;
const RECEIVE = /(?:^|[^a-z])(?:wait|recv|receive|hook|(?:dispatch|combine)_b)(?:[^a-z]|$)/i;

function halfOf(phase: string | undefined): Half | undefined {
  if (phase === undefined) return undefined;
  const [sends, receives] = [SEND.test(phase), RECEIVE.test(phase)];
  return sends === receives ? undefined : sends ? 'send' : 'receive';
}

/** @returns by launch the half that its annotation says it is; undefined where annotations do not tell all. */
export function annotatedHalves(phases: readonly (string | undefined)[]): Half[] | undefined {
  const halves = phases.flatMap((phase) => halfOf(phase) ?? []);
  const both = halves.includes('send') && halves.includes('receive');
  return both && halves.length === phases.length ? halves : undefined;
}
