import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { measuresBy, publishedData, publishedValue, rowIds } from './load.js';
import { runFigureNames } from './run-figures.js';
import type { PublishedFigure } from './schema.js';

/** Reference data that lies beside a checkout of the project, and not in it. */
const REFERENCE = new URL('../../../../shared/reference/', import.meta.url);
const PUBLISHED = new URL('published.json', REFERENCE);
const TRAIN = new URL('train/reference.json', REFERENCE);

const { figures, groups, runs } = publishedData();

function json(file: URL): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

describe('the published figures', () => {
  it('have ids of their own, and so have the rows they make', () => {
    expect(new Set(figures.map(({ id }) => id)).size).to.equal(figures.length);
    expect(new Set(rowIds()).size).to.equal(rowIds().length);
  });

  it('are each in a group that writes down its split, and each group has some', () => {
    const names = groups.map(({ name }) => name);
    expect(figures.map(({ group }) => group)).to.satisfy((of: string[]) => of.every((group) => names.includes(group)));
    for (const name of names)
      expect(
        figures.some(({ group }) => group === name),
        name,
      ).to.equal(true);
  });

  it('are measured by something unless they are context, and bind where they have a tolerance', () => {
    for (const { id, use, measures, tolerance } of figures) {
      expect(measures === undefined, id).to.equal(use === 'context');
      if (use === 'consistency' || use === 'context') expect(tolerance, id).to.equal(undefined);
    }
  });

  it('have a known difference wherever they are compared for consistency alone', () => {
    for (const { id, use, differences } of figures) {
      if (use === 'consistency') expect(differences, id).to.be.a('string');
    }
  });

  it('name runs and figures of runs that there are', () => {
    for (const { figure, measure } of measuresBy('run')) {
      expect(runs, figure.id).to.have.property(measure.run);
      expect(runFigureNames(), figure.id).to.include(measure.figure);
    }
    // None is there for nothing.
    expect(runFigureNames()).to.have.members([...new Set(measuresBy('run').map(({ measure }) => measure.figure))]);
  });

  it('have a value for each of their measures', () => {
    for (const figure of figures) {
      (figure.measures ?? []).forEach((_, index) => {
        expect(() => publishedValue(figure, index)).not.to.throw();
      });
    }
  });

  it('leave held-out ones to every kind of figure that constants are fitted on', () => {
    const uses = (group: string): Set<string> =>
      new Set(figures.filter((figure) => figure.group === group).map(({ use }) => use));
    for (const group of ['train', 'decode', 'normal', 'low-latency']) {
      expect([...uses(group)], group).to.have.members(['fitted', 'held-out']);
    }
    expect([...uses('kernels')]).to.deep.equal(['held-out']);
  });

  it('split the collectives as their groups say', () => {
    for (const { figure, measure } of measuresBy('collective')) {
      if (figure.tolerance?.kind !== 'percent' || measure.of === 'routing') continue;
      const { mode, era, ranks } = measure;
      const heldOut = mode === 'normal' ? ranks === 16 || ranks === 32 : era === 'feb25' && ranks === 32;
      expect(figure.use, figure.id).to.equal(heldOut ? 'held-out' : 'fitted');
    }
  });
});

describe('copies of published figures', () => {
  it('equal shared/reference/published.json, where it lies beside the checkout', function () {
    if (!existsSync(PUBLISHED)) this.skip();
    const originals = new Map((json(PUBLISHED) as PublishedFigure[]).map((figure) => [figure.id, figure]));
    const copies = figures.filter(({ id }) => !id.startsWith('train.trace.'));
    for (const { id, what, value, unit, conditions, source, quality } of copies) {
      expect(originals.get(id), id).to.deep.equal({ id, what, value, unit, conditions, source, quality });
    }
  });

  it('hold all facts of shared/reference/train/reference.json, where it lies beside the checkout', function () {
    if (!existsSync(TRAIN)) this.skip();
    const { acceptance } = json(TRAIN) as { acceptance: { id: number; value: unknown; tol: string }[] };
    const facts = figures.filter(({ id }) => id.startsWith('train.trace.'));
    const values = new Set(facts.map(({ value }) => JSON.stringify(value)));
    for (const { id, value, tol } of acceptance) {
      // Orders are lists of words; other lists are several figures.
      const wanted = Array.isArray(value) && typeof value[0] === 'number' ? value : [value];
      for (const each of wanted) expect(values, `fact ${id}`).to.include(JSON.stringify(each));
      const bound = facts.filter((fact) => JSON.stringify(wanted).includes(JSON.stringify(fact.value)));
      const [, size, kind] = /(\d+(?:\.\d+)?) ?(%|points?)/.exec(tol) ?? [];
      const tolerance =
        size === undefined ? { kind: 'exact' } : { kind: kind === '%' ? 'percent' : 'points', value: Number(size) };
      expect(
        bound.map((fact) => fact.tolerance),
        `fact ${id}`,
      ).to.deep.include(tolerance);
    }
  });
});
