import type { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS } from './catalogue.js';
import type { HistogramKey, LabelsOf, MetricFamily, MetricKey, ValueKey } from './catalogue.js';

/**
 * Values of metric families in Prometheus' text form. The one place that knows prom-client, which is loaded with the
 * first exposition: a worker without metrics does not pay its 28 ms. None of prom-client's default metrics are here,
 * whose names break Prometheus' own rules.
 */
export class Exposition {
  readonly #registry: Registry;
  readonly #values = new Map<MetricKey, Gauge | Counter>();
  readonly #histograms = new Map<MetricKey, Histogram>();

  private constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** @param families those that it may be given; of these, families without a series are left out of the text. */
  static async open(families: readonly MetricKey[]): Promise<Exposition> {
    const { Counter, Gauge, Histogram, Registry } = await import('prom-client');
    const exposition = new Exposition(new Registry());
    for (const key of families) {
      const { name, help, labels, type, buckets = [] }: MetricFamily = METRICS[key];
      const common = { name, help, labelNames: [...labels], registers: [] };
      if (type === 'histogram') {
        const histogram = new Histogram({ ...common, buckets: [...buckets] });
        exposition.#histograms.set(key, histogram);
        exposition.#registry.registerMetric(histogram);
      } else {
        const metric = type === 'gauge' ? new Gauge(common) : new Counter(common);
        exposition.#values.set(key, metric);
        exposition.#registry.registerMetric(metric);
      }
    }
    exposition.clear();
    return exposition;
  }

  /** The media type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Forgets all values; histograms keep what was observed. */
  clear(): void {
    for (const metric of this.#values.values()) {
      metric.reset();
      // prom-client gives a metric without labels the value 0 before anybody has said so.
      metric.remove({});
    }
  }

  /** Sets a value as it is now; of a counter too, whose source counts by itself. Once for the same labels. */
  set<K extends ValueKey>(key: K, labels: LabelsOf<K>, value: number): void {
    const metric = this.#values.get(key)!;
    if ('set' in metric) metric.set(labels, value);
    else metric.inc(labels, value);
  }

  /** Adds an observation to a histogram. */
  observe<K extends HistogramKey>(key: K, labels: LabelsOf<K>, value: number): void {
    this.#histograms.get(key)!.observe(labels, value);
  }

  /** @returns all families that have a series, in the order they were named. */
  async text(): Promise<string> {
    const families = await Promise.all(
      this.#registry.getMetricsAsArray().map(async ({ name }) => this.#registry.getSingleMetricAsString(name)),
    );
    return `${families.filter((family) => /^[^#]/m.test(family)).join('\n\n')}\n`;
  }
}
