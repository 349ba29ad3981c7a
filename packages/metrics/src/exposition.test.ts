import { expect } from 'chai';
import { METRICS, metricsFrom } from './catalogue.js';
import type { MetricFamily } from './catalogue.js';
import { Exposition } from './exposition.js';

const FAMILIES = Object.values(METRICS) as MetricFamily[];

describe('the catalogue of metrics', () => {
  it('names each family once, with a unit and a sentence', () => {
    expect(new Set(FAMILIES.map(({ name }) => name)).size).to.equal(FAMILIES.length);
    for (const { name, help } of FAMILIES) {
      expect(name).to.match(/^epemu_(virtual_|host_)?[a-z_]+$/);
      expect(help, name).to.match(/^[A-Z].*\.$/);
    }
  });

  it('tells virtual from host time by name wherever there is time', () => {
    const times = FAMILIES.filter(({ name }) => /seconds|time/.test(name)).map(({ name }) => name);
    expect(times).not.to.be.empty;
    for (const name of times) expect(name).to.match(/^epemu_(virtual|host)_/);
  });

  it('has no label for both ends of a link, and no rank on a histogram', () => {
    for (const { name, labels, type, buckets = [] } of FAMILIES) {
      expect(labels, name).not.to.include.members(['peer']);
      if (type === 'histogram') expect(labels, name).not.to.include('rank');
      expect(buckets).to.deep.equal([...buckets].sort((a, b) => a - b));
      expect(buckets.length > 0, name).to.equal(type === 'histogram');
    }
  });

  it('belongs to somebody', () => {
    const all = metricsFrom('worker', 'coordinator', 'process', 'report');
    expect(all).to.deep.equal(Object.keys(METRICS));
  });
});

describe('an exposition', () => {
  it('holds what was set since it was cleared, and all that was observed', async () => {
    const exposition = await Exposition.open(['progress', 'cpu', 'dispatch']);
    expect(await exposition.text()).to.equal('\n');
    const scrape = async (value: number): Promise<string> => {
      exposition.clear();
      exposition.set('progress', {}, value);
      exposition.set('cpu', { mode: 'user' }, value * 3);
      exposition.observe('dispatch', { node: 0, direction: 'forward' }, 0.00025);
      return exposition.text();
    };
    await scrape(0.1);
    const text = await scrape(0.7);
    expect(text).to.include('\nepemu_run_progress_ratio 0.7\n');
    expect(text).to.include(`\nepemu_host_cpu_seconds_total{mode="user"} ${0.7 * 3}\n`);
    expect(text).to.match(/^epemu_virtual_dispatch_seconds_count\{.*\} 2$/m);
    expect(text).to.match(/^epemu_virtual_dispatch_seconds_bucket\{.*le="0.0002".*\} 0$/m);
    expect(text).to.match(/^epemu_virtual_dispatch_seconds_bucket\{.*le="0.0003".*\} 2$/m);
  });

  it('leaves out families that have no series, whatever their labels', async () => {
    const exposition = await Exposition.open(['progress', 'runSpan', 'imbalance']);
    exposition.set('progress', {}, 0);
    expect((await exposition.text()).match(/^# TYPE .*$/gm)).to.deep.equal(['# TYPE epemu_run_progress_ratio gauge']);
  });

  it('writes label values so that no name breaks a line', async () => {
    const exposition = await Exposition.open(['phaseMean']);
    exposition.set('phaseMean', { phase: 'a "b"\n\\c' }, 1);
    expect(await exposition.text()).to.include('epemu_virtual_phase_seconds{phase="a \\"b\\"\\n\\\\c"} 1\n');
  });
});
