import { rounded } from '@epemu/core';
import type {
  Change,
  CollectiveComparison,
  Difference,
  KernelComparison,
  PhaseComparison,
  PhaseSide,
} from './comparison.js';
import { perLayerNs, tablesOf } from './decomposition.js';
import type { Basis, LayerParts } from './decomposition.js';
import { percentOf } from './figures.js';
import { byCategory, paired, pairedKernels, pairedPhases } from './match.js';
import type { Pair } from './match.js';
import type { ComparedSide, SideCollective, SideKernel, SidePhase, SideTables } from './side.js';

/** −0 would be another value than 0 to a reader of JSON. */
function us(ns: number): number {
  return ns === 0 ? 0 : ns / 1000;
}

/** A side's phase in integer ns of a layer. */
interface PhaseNs {
  readonly wall: number;
  readonly compute: number;
  readonly exposed: number;
}

const NOTHING: PhaseNs = { wall: 0, compute: 0, exposed: 0 };

/** Puts two tables beside each other. */
export class Comparer {
  readonly #tables: { readonly a: SideTables; readonly b: SideTables };
  readonly #basis: Basis;

  constructor(a: ComparedSide, b: ComparedSide, basis: Basis) {
    this.#tables = { a: tablesOf(a, b, basis), b: tablesOf(b, a, basis) };
    this.#basis = basis;
  }

  #ns(value: number, side: 'a' | 'b'): number {
    return perLayerNs(value, this.#tables[side].layers, this.#basis);
  }

  #count(count: number, side: 'a' | 'b'): number {
    return rounded(this.#basis.unit === 'layer' ? count / this.#tables[side].layers : count);
  }

  #phaseNs(phase: SidePhase | null, side: 'a' | 'b'): PhaseNs {
    if (phase === null) return NOTHING;
    const counts = this.#basis.transfers || phase.kind !== 'network';
    return {
      wall: this.#ns(phase.count * phase.meanUs, side),
      compute: this.#ns(phase.computeUs, side),
      exposed: counts ? this.#ns(phase.exposedUs, side) : 0,
    };
  }

  #phaseSide(phase: SidePhase | null, side: 'a' | 'b'): PhaseSide | null {
    if (phase === null) return null;
    const { wall, compute, exposed } = this.#phaseNs(phase, side);
    const count = this.#count(phase.count, side);
    return { count, meanUs: phase.meanUs, layerUs: us(wall), addsUs: us(compute + exposed) };
  }

  #pairs(): Pair<SidePhase>[] {
    return pairedPhases(this.#tables.a.phases, this.#tables.b.phases);
  }

  /** Phases, what contributes most first. */
  phases(layerDifferenceUs: number): PhaseComparison[] {
    return this.#pairs()
      .map(({ a, b }): PhaseComparison => {
        const { name, kind } = (a ?? b)!;
        const [of, beside] = [this.#phaseNs(a, 'a'), this.#phaseNs(b, 'b')];
        const contribution = beside.compute + beside.exposed - of.compute - of.exposed;
        const between = a === null || b === null ? null : Math.round(b.meanUs * 1000) - Math.round(a.meanUs * 1000);
        return {
          ...{ phase: name, kind, a: this.#phaseSide(a, 'a'), b: this.#phaseSide(b, 'b') },
          differenceUs: between === null ? null : us(between),
          layerDifferenceUs: us(beside.wall - of.wall),
          contributionUs: us(contribution),
          sharePct: layerDifferenceUs === 0 ? null : percentOf(us(contribution), layerDifferenceUs),
        };
      })
      .sort(
        (one, other) =>
          Math.abs(other.contributionUs) - Math.abs(one.contributionUs) ||
          Math.abs(other.layerDifferenceUs) - Math.abs(one.layerDifferenceUs),
      );
  }

  /** What changed the layer's time, the most first. @param parts what it changed by, which the changes add up to. */
  changes({ computeUs, exposedCommUs, copyUs, idleUs }: LayerParts): Change[] {
    let [restOfCompute, restOfExposed] = [Math.round(computeUs * 1000), Math.round(exposedCommUs * 1000)];
    const changes: { what: string; part: Change['part']; ns: number }[] = [];
    for (const { a, b } of this.#pairs()) {
      const { name } = (a ?? b)!;
      const [of, beside] = [this.#phaseNs(a, 'a'), this.#phaseNs(b, 'b')];
      const [compute, exposed] = [beside.compute - of.compute, beside.exposed - of.exposed];
      restOfCompute -= compute;
      restOfExposed -= exposed;
      changes.push({ what: name, part: 'computation', ns: compute });
      changes.push({ what: name, part: 'exposed communication', ns: exposed });
    }
    changes.push({ what: '', part: 'computation', ns: restOfCompute });
    changes.push({ what: '', part: 'exposed communication', ns: restOfExposed });
    changes.push({ what: '', part: 'copies and fills', ns: Math.round(copyUs * 1000) });
    changes.push({ what: '', part: 'idle', ns: Math.round(idleUs * 1000) });
    return changes
      .filter(({ ns }) => ns !== 0)
      .sort((one, other) => Math.abs(other.ns) - Math.abs(one.ns))
      .map(({ what, part, ns }) => ({ what, part, differenceUs: us(ns) }));
  }

  #difference(a: number | null, b: number | null): Difference {
    const [of, beside] = [a === null ? null : this.#ns(a, 'a'), b === null ? null : this.#ns(b, 'b')];
    return {
      aUs: of === null ? null : us(of),
      bUs: beside === null ? null : us(beside),
      differenceUs: us((beside ?? 0) - (of ?? 0)),
    };
  }

  #kernels(pairs: readonly Pair<SideKernel>[]): KernelComparison[] {
    return pairs
      .map(({ a, b }): KernelComparison => {
        const { name, class: kernelClass, category } = (a ?? b)!;
        const difference = this.#difference(a?.totalUs ?? null, b?.totalUs ?? null);
        const { aUs, differenceUs } = difference;
        const hasShare = aUs !== null && aUs !== 0;
        return {
          ...{ name, class: kernelClass, category, ...difference },
          aCount: a === null ? null : this.#count(a.count, 'a'),
          bCount: b === null ? null : this.#count(b.count, 'b'),
          differencePct: hasShare ? percentOf(differenceUs, aUs) : null,
        };
      })
      .sort((one, other) => Math.abs(other.differenceUs) - Math.abs(one.differenceUs));
  }

  /** Kernels by name, what changed most first. */
  kernels(): KernelComparison[] {
    return this.#kernels(pairedKernels(this.#tables.a.kernels, this.#tables.b.kernels));
  }

  /** Kernels by category, what changed most first. */
  classes(): KernelComparison[] {
    const { a, b } = this.#tables;
    const key = ({ class: kernelClass, category }: SideKernel): string => `${kernelClass} ${category}`;
    return this.#kernels(paired(byCategory(a.kernels), byCategory(b.kernels), [key]));
  }

  /** Roles of collectives, what changed most first. */
  collectives(): CollectiveComparison[] | null {
    const { a, b } = this.#tables;
    if (a.collectives === null || b.collectives === null) return null;
    const key = ({ phase, role }: SideCollective): string => `${role} ${phase.toLowerCase()}`;
    return paired(a.collectives, b.collectives, [key])
      .map(({ a: one, b: other }): CollectiveComparison => {
        const { phase, role } = (one ?? other)!;
        return { phase, role, ...this.#difference(one?.totalUs ?? null, other?.totalUs ?? null) };
      })
      .sort((one, other) => Math.abs(other.differenceUs) - Math.abs(one.differenceUs));
  }
}
