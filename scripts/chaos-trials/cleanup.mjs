/** What is to be taken away; the latest first, for it may be in what was made before. */
const left = [];

process.once('exit', () => {
  while (left.length > 0) left.pop()();
});

/**
 * Takes something away at the latest when this process ends, by a signal too.
 * @returns what takes it away now.
 */
export function removedAtExit(remove) {
  left.push(remove);
  return () => {
    left.splice(left.indexOf(remove), 1);
    remove();
  };
}

/** Lets signals end this process in the way in which what it has made is taken away. */
export function exitOnSignals() {
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}
