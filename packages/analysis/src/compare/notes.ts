import type { PhaseComparison } from './comparison.js';
import type { Basis } from './decomposition.js';
import type { ComparedSide } from './side.js';

function ofRanks(letter: 'A' | 'B', other: 'A' | 'B', one: ComparedSide, many: ComparedSide): string {
  const rank = one.rank === null ? 'one rank' : `rank ${one.rank}`;
  const remedy = many.from === 'traces' && one.rank !== null ? `; --rank ${one.rank} compares that rank of both` : '';
  return `${letter} is ${rank}, ${other} the mean over its ${many.ranks} ranks${remedy}.`;
}

function countedLayers({ layers, marker }: ComparedSide): string {
  const by = marker === null ? '' : ` (one to each ${marker})`;
  return `${layers} ${layers === 1 ? 'layer' : 'layers'}${by}`;
}

/** @returns what must be known to read a comparison, a sentence each. */
export function notesOf(
  a: ComparedSide,
  b: ComparedSide,
  { unit, window, tablesWindow, transfers }: Basis,
  phases: readonly PhaseComparison[],
): string[] {
  const notes: string[] = [];
  if (a.ranks === 1 && b.ranks > 1) notes.push(ofRanks('A', 'B', a, b));
  if (b.ranks === 1 && a.ranks > 1) notes.push(ofRanks('B', 'A', b, a));
  if (a.scenario !== null && b.scenario !== null && a.scenario !== b.scenario) {
    notes.push(`A is of the scenario ${a.scenario}, B of ${b.scenario}.`);
  }
  if (unit === 'layer' && a.layers !== b.layers) {
    notes.push(`A has ${a.layers} layers, B ${b.layers}: sums of the whole differ by that, times of a layer do not.`);
  }
  if (unit === 'span' && a.layers > 0 && b.layers > 0) {
    notes.push(
      `A’s ${countedLayers(a)} and B’s ${countedLayers(b)} need not be the same thing: everything is of the whole span, which tells of captures of equal length only.`,
    );
  } else if (unit === 'span') {
    const which = [a.layers === 0 ? 'A' : '', b.layers === 0 ? 'B' : '']
      .filter((letter) => letter !== '')
      .join(' and ');
    notes.push(`Nothing marks the layers of ${which}: everything is of the whole span.`);
  } else if (window === 'all') {
    const which = [a.steady === null ? 'A' : '', b.steady === null ? 'B' : '']
      .filter((letter) => letter !== '')
      .join(' and ');
    notes.push(`${which} has fewer than four layers, so that the first and the last count on both sides.`);
  } else if (tablesWindow === 'all') {
    notes.push(
      'Phases and kernels are those of all layers, for not both are traces, and only these tell the steady ones apart.',
    );
  }
  if (!transfers) {
    notes.push('Only one of the two shows background transfers: on both sides kernels alone count as communication.');
  }
  const inferred = [a.phasesInferred ? 'A' : '', b.phasesInferred ? 'B' : ''].filter((letter) => letter !== '');
  if (inferred.length > 0)
    notes.push(`${inferred.join(' and ')} names no phases: they are named by the order of collectives.`);
  if (phases.length > 0 && phases.every((phase) => phase.a === null || phase.b === null)) {
    notes.push('The two have no phases in common: compared is what is left, the layer and its kernels.');
  }
  return notes;
}
