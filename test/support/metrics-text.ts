const COMMENT = /^# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* .+$/;
const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*")*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\.)*)"/g;
/** What samples of a histogram are named beyond the family. */
const SUFFIX = /_(?:bucket|sum|count)$/;

/** A value of a metric. */
export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Reads Prometheus' text form.
 * @returns each metric's samples, in the order written.
 * @throws when a line is neither a comment nor a sample, or a metric has samples before its type.
 */
export function parseMetrics(text: string): Map<string, MetricSample[]> {
  const metrics = new Map<string, MetricSample[]>();
  const typed = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('#')) {
      const [, kind, name, type] = line.split(' ');
      if (!COMMENT.test(line)) throw new Error(`not a comment of Prometheus: ${line}`);
      if (kind === 'TYPE') typed.set(name, type);
      continue;
    }
    const match = SAMPLE.exec(line);
    if (match === null || Number.isNaN(Number(match[3]))) throw new Error(`not a sample: ${line}`);
    const [, name, labels] = match;
    if (!typed.has(name) && typed.get(name.replace(SUFFIX, '')) !== 'histogram') {
      throw new Error(`${name} has a sample and no type`);
    }
    const read = [...(labels ?? '').matchAll(LABEL)].map(([, label, value]) => [label, value] as const);
    const sample = { labels: Object.fromEntries(read), value: Number(match[3]) };
    metrics.set(name, [...(metrics.get(name) ?? []), sample]);
  }
  return metrics;
}

/** @returns a metric's only value among those with some labels. @throws when there is none, or more than one. */
export function valueOf(
  metrics: ReadonlyMap<string, readonly MetricSample[]>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const samples = (metrics.get(name) ?? []).filter((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  if (samples.length !== 1) throw new Error(`${samples.length} samples of ${name} with ${JSON.stringify(labels)}`);
  return samples[0].value;
}
