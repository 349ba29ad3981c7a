const COMMENT = /^# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* .+$/;
const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*")*\})? (\S+)$/;

/**
 * Reads Prometheus' text form.
 * @returns each metric's values, in the order written.
 * @throws when a line is neither a comment nor a sample, or a metric has samples before its type.
 */
export function parseMetrics(text: string): Map<string, number[]> {
  const metrics = new Map<string, number[]>();
  const typed = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('#')) {
      const [, kind, name] = line.split(' ');
      if (!COMMENT.test(line)) throw new Error(`not a comment of Prometheus: ${line}`);
      if (kind === 'TYPE') typed.add(name);
      continue;
    }
    const match = SAMPLE.exec(line);
    if (match === null || Number.isNaN(Number(match[2]))) throw new Error(`not a sample: ${line}`);
    if (!typed.has(match[1])) throw new Error(`${match[1]} has a sample and no type`);
    metrics.set(match[1], [...(metrics.get(match[1]) ?? []), Number(match[2])]);
  }
  return metrics;
}
