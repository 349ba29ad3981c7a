/** @returns a count and what it is of, which takes an s in the plural: `1 worker`, `2 workers`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
