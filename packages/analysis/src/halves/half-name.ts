/** A half of a low-latency collective: what issues the sends, and what waits for what arrives. */
export type Half = 'send' | 'receive';

const HALF = / \[(send|receive)\]$/;

/** @returns a kernel's name with the half that a launch of it is; its other half has the same name in the trace. */
export function withHalf(name: string, half: Half): string {
  return `${name} [${half}]`;
}

/** Takes a name apart into that of the trace and the half. */
export function splitHalf(name: string): { readonly traced: string; readonly half: Half | undefined } {
  const half = HALF.exec(name)?.[1] as Half | undefined;
  return { traced: half === undefined ? name : name.replace(HALF, ''), half };
}
