/** Something that was looked at or tried. */
export interface Check {
  readonly name: string;
  /** A warning costs speed or comfort; with a problem the default run does not work. */
  readonly status: 'ok' | 'warning' | 'problem';
  /** What was found, with figures. */
  readonly finding: string;
  /** What to do about it. */
  readonly remedy?: string;
}

export function ok(name: string, finding: string): Check {
  return { name, status: 'ok', finding };
}

export function warning(name: string, finding: string, remedy: string): Check {
  return { name, status: 'warning', finding, remedy };
}

export function problem(name: string, finding: string, remedy: string): Check {
  return { name, status: 'problem', finding, remedy };
}

/** @returns `1.5 GB`, `20 MB`. */
export function bytesText(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}
