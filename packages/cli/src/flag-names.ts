/** @returns the name that commander has for the value of a flag such as `--kv-lengths <file>`. */
export function optionOf(flag: string): string {
  const name = flag.split(' ')[0].slice(2);
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** @returns the flag whose value commander has under a name: the other way round. */
export function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
