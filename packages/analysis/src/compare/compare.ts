import { Comparer } from './comparer.js';
import type { Comparison, SideHeadline } from './comparison.js';
import { configurationDifferences } from './configurations.js';
import { basisOf, differenceOf, partsOf } from './decomposition.js';
import { figuresOf, percentOf } from './figures.js';
import { memoryOfSides } from './memory.js';
import { notesOf } from './notes.js';
import type { ComparedSide } from './side.js';

function headline({
  path,
  from,
  source,
  scenario,
  ranks,
  rank,
  worldSize,
  gpu,
  layers,
  phasesInferred,
}: ComparedSide): SideHeadline {
  return { path, from, source, scenario, ranks, rank, worldSize, gpu, layers, phasesInferred };
}

/** Compares two sides, B with A: every difference is B − A. */
export function compare(a: ComparedSide, b: ComparedSide): Comparison {
  const basis = basisOf(a, b);
  const [partsA, partsB] = [partsOf(a, basis), partsOf(b, basis)];
  const difference = differenceOf(partsA, partsB);
  const comparer = new Comparer(a, b, basis);
  const phases = comparer.phases(difference.layerUs);
  return {
    schema: 'epemu-comparison/1',
    a: headline(a),
    b: headline(b),
    basis,
    notes: notesOf(a, b, basis, phases),
    configuration: configurationDifferences(a.configuration, b.configuration),
    decomposition: {
      ...{ a: partsA, b: partsB, difference },
      differencePct: partsA.layerUs === 0 ? null : percentOf(difference.layerUs, partsA.layerUs),
    },
    figures: figuresOf(a, b, basis),
    memory: memoryOfSides(a, b),
    phases,
    changes: comparer.changes(difference),
    collectives: comparer.collectives(),
    kernelClasses: comparer.classes(),
    kernels: comparer.kernels(),
  };
}
