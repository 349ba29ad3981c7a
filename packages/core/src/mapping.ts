/** A JSON object. */
export type Mapping = Record<string, unknown>;

/** @returns whether a value is an object with string keys (not an array, not null). */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
