import { BadInputError } from '@epemu/core';
import type { HardwarePreset, KernelRate } from '@epemu/presets';
import { kernelShares, kernelTime } from './duration.js';
import type { KernelShares, KernelTime } from './duration.js';
import type { KernelEntry, KernelLists } from './entry.js';
import { compileFormula } from './expression.js';
import type { Formula, Sizes } from './expression.js';
import { ROW_SIZES, evenWork, rowsOfExpert, runSizes, sizeNames, withWork } from './sizes.js';
import type { KernelShape } from './shape.js';
import type { KernelWork, RunShape } from './sizes.js';

type Dimensions = readonly [number, number, number];

/** A kernel of a phase as the run has it. */
export interface PhaseKernel {
  readonly name: string;
  readonly label: string | undefined;
  readonly class: 'compute' | 'communication';
  readonly category: string;
  readonly kind: string;
  readonly role: 'notify' | 'transfer' | undefined;
  /** Stream, where it is not the phase's own. */
  readonly stream: number | undefined;
  /** Index, within the phase, of an earlier kernel on another stream whose end this one waits for. */
  readonly after: number | undefined;
  /** Whether its time follows the rows that experts received. */
  readonly followsRows: boolean;
  /** Launch dimensions for `tokens` tokens and even routing. @throws BadInputError where sizes or times cannot be. */
  grid(tokens: number, attentionPairs: number): Dimensions;
  readonly block: Dimensions;
  /** Its shape at some work; not a number where a size is missing. */
  shape(sizes: Sizes): KernelShape;
  /** Time alone on `sms` SMs, integer ns. */
  durationNs(sizes: Sizes, sms: number): number;
  /** Time alone and beside a transfer that holds `transferSms` SMs. */
  shares(sizes: Sizes, sms: number, transferSms: number): KernelShares;
  /** The same, and what it is mostly. */
  time(sizes: Sizes, sms: number): KernelTime;
}

/** A quarter of an hour: nothing on a GPU takes as long, and times stay exact integers. */
const LONGEST_NS = 1e12;
/** The most blocks, or threads of one, that CUDA counts. */
const MOST_BLOCKS = 2 ** 31 - 1;

/** Kernels of one entry; a rank has 4096 experts at the most. */
const MOST_INSTANCES = 4096;

const SHAPE_KEYS = ['m', 'n', 'k', 'weights', 'pairs', 'heads', 'qk', 'v', 'keys', 'tiles', 'bytes'] as const;
type ShapeKey = (typeof SHAPE_KEYS)[number];

/** Products a (query, key) pair and head takes: forward QK and PV; backward dV, dP, dQ, dK and QK again. */
const ATTENTION_PRODUCTS: Readonly<Record<string, { qk: number; v: number }>> = {
  'attention-backward': { qk: 3, v: 2 },
};

/** Kernel lists of a run: which kernels each phase has, and how long they take. */
export class KernelCatalogue {
  readonly sizes: Sizes;
  readonly #hardware: HardwarePreset;
  readonly #lists: KernelLists;
  readonly #names: ReadonlySet<string>;
  readonly #made = new Map<string, readonly PhaseKernel[]>();

  constructor(hardware: HardwarePreset, lists: KernelLists, shape: RunShape) {
    this.#hardware = hardware;
    this.#lists = lists;
    this.sizes = runSizes(shape);
    this.#names = sizeNames(this.sizes);
  }

  /** @returns the names of all lists. */
  get names(): string[] {
    return Object.keys(this.#lists);
  }

  has(list: string): boolean {
    return Object.hasOwn(this.#lists, list);
  }

  /**
   * @returns the kernels of a list; none where the model has no use for any of them.
   * @throws BadInputError naming the kernel whose kind the hardware lacks, or whose expression is wrong.
   */
  kernels(list: string): readonly PhaseKernel[] {
    let made = this.#made.get(list);
    if (made === undefined) {
      made = this.#make(list);
      this.#made.set(list, made);
    }
    return made;
  }

  /** @returns all sizes at some work, to be handed to the kernels of a phase. */
  sizesOf(work: KernelWork): Sizes {
    return withWork(this.sizes, work);
  }

  #make(list: string): PhaseKernel[] {
    const kernels: PhaseKernel[] = [];
    const labels: (string | undefined)[] = [];
    this.#lists[list].forEach((entry, index) => {
      const place = `kernels.${list}.${index}`;
      const constant = (source: string | number, key: string): number => this.#constant(source, `${place}.${key}`);
      if (entry.when !== undefined && constant(entry.when, 'when') === 0) return;
      const instances = entry.repeat === undefined ? 1 : constant(entry.repeat, 'repeat');
      if (!Number.isInteger(instances) || instances < 0 || instances > MOST_INSTANCES) {
        const allowed = `it must be a whole number from 0 to ${MOST_INSTANCES}`;
        throw new BadInputError(`${place}.repeat`, `${place}.repeat is ${instances}, but ${allowed}`);
      }
      if (entry.after !== undefined && !this.#lists[list].slice(0, index).some(({ label }) => label === entry.after)) {
        const problem = `${place}.after is ${entry.after}, which no earlier kernel of the list has as its label`;
        throw new BadInputError(`${place}.after`, `${problem}; name one that comes before it`);
      }
      for (let instance = 0; instance < instances; instance++) {
        const stream = instance % 2 === 1 ? (entry.alternateStream ?? entry.stream) : entry.stream;
        const after = entry.after === undefined ? undefined : this.#lastOf(entry.after, stream, labels, kernels);
        kernels.push(this.#kernel(entry, place, instance, stream, after));
        labels.push(entry.label);
      }
    });
    return kernels;
  }

  /** Index of the last kernel with a label on another stream; undefined where there is none. */
  #lastOf(
    label: string,
    stream: number | undefined,
    labels: readonly (string | undefined)[],
    kernels: readonly PhaseKernel[],
  ): number | undefined {
    const index = labels.findLastIndex((other, i) => other === label && kernels[i].stream !== stream);
    return index < 0 ? undefined : index;
  }

  #formula(source: string | number, place: string): Formula {
    return compileFormula(source, this.#names, place);
  }

  /** What an expression over the run's sizes comes to; those of a phase's work are not known to it. */
  #constant(source: string | number, place: string): number {
    return compileFormula(source, new Set(Object.keys(this.sizes)), place).evaluate(this.sizes);
  }

  #rate(kind: string, place: string): KernelRate {
    if (Object.hasOwn(this.#hardware.kernels, kind)) return this.#hardware.kernels[kind];
    const known = Object.keys(this.#hardware.kernels).join(', ');
    throw new BadInputError(
      `${place}.kind`,
      `${place}.kind is ${kind}, which the hardware preset ${this.#hardware.name} has no rate for; it has ${known}`,
    );
  }

  #kernel(
    entry: KernelEntry,
    place: string,
    instance: number,
    stream: number | undefined,
    after: number | undefined,
  ): PhaseKernel {
    const rate = this.#rate(entry.kind, place);
    const formulas = new Map<ShapeKey, Formula>();
    for (const key of SHAPE_KEYS) {
      const source = entry[key];
      if (source !== undefined) formulas.set(key, this.#formula(source, `${place}.${key}`));
    }
    checkShape(entry, rate, place);
    const dimensions = (sources: KernelEntry['grid'], key: string): Formula[] =>
      sources.map((source, i) => this.#formula(source, `${place}.${key}.${i}`));
    const grid = dimensions(entry.grid, 'grid');
    const block = entry.block.map((source, i) => {
      const at = `${place}.block.${i}`;
      return launchDimension(this.#constant(source, at), at);
    });
    const followsRows =
      entry.experts === true ||
      [...formulas.values()].some(({ uses }) => [...uses].some((name) => ROW_SIZES.has(name)));
    const shape = (sizes: Sizes): KernelShape => {
      const groups = entry.experts === true ? rowsOfAll(sizes) : undefined;
      return shapeOf(entry.kind, formulas, sizes, groups);
    };
    const refuseTooLong = (ns: number): void => {
      if (ns <= LONGEST_NS) return;
      const problem = `${place}, of kind ${entry.kind}, would take ${ns} ns`;
      throw new BadInputError(place, `${problem}; its size or the rates of ${this.#hardware.name} are too extreme`);
    };
    const time = (sizes: Sizes, sms: number): KernelTime => {
      const result = kernelTime(this.#hardware, rate, checkedShape(shape(sizes), place), sms);
      refuseTooLong(result.ns);
      return result;
    };
    const shares = (sizes: Sizes, sms: number, transferSms: number): KernelShares => {
      const result = kernelShares(this.#hardware, rate, checkedShape(shape(sizes), place), sms, transferSms);
      refuseTooLong(result.besideNs);
      return result;
    };
    return {
      name: entry.name,
      label: entry.label,
      class: entry.class,
      category: entry.category,
      kind: entry.kind,
      role: entry.role,
      stream,
      after,
      followsRows,
      block: [block[0], block[1], block[2]],
      grid: (tokens, attentionPairs) => {
        const sizes = withWork(this.sizes, evenWork(this.sizes, tokens, attentionPairs));
        // Whatever an expression comes to at this work, it is refused here, before anything starts.
        time(sizes, this.sizes['gpuSms']);
        const [x, y, z] = grid.map((formula, i) => {
          return launchDimension(Math.max(1, Math.ceil(formula.evaluate(sizes))), `${place}.grid.${i}`);
        });
        return [x, y, z];
      },
      shape,
      durationNs: (sizes, sms) => time(ofExpert(sizes, instance), sms).ns,
      shares: (sizes, sms, transferSms) => shares(ofExpert(sizes, instance), sms, transferSms),
      time: (sizes, sms) => time(ofExpert(sizes, instance), sms),
    };
  }
}

/** @throws BadInputError where a launch dimension is none. */
function launchDimension(value: number, place: string): number {
  if (Number.isInteger(value) && value >= 1 && value <= MOST_BLOCKS) return value;
  throw new BadInputError(place, `${place} comes to ${value}; it must be a whole number from 1 to ${MOST_BLOCKS}`);
}

/** A copy of sizes for one expert after the other: a copy for each would be most of the time of their kernels. */
const expertSizes = new WeakMap<Sizes, Record<string, number>>();

/** Sizes as an expert's kernel sees them, until the next expert's are asked for. */
function ofExpert(sizes: Sizes, instance: number): Sizes {
  const rows = sizes[rowsOfExpert(instance)];
  if (instance === 0 || rows === undefined) return sizes;
  let own = expertSizes.get(sizes);
  if (own === undefined) expertSizes.set(sizes, (own = { ...sizes }));
  own[rowsOfExpert(0)] = rows;
  return own;
}

/** Rows of each of the rank's experts; undefined where sizes do not tell them apart. */
function rowsOfAll(sizes: Sizes): number[] | undefined {
  const groups: number[] = [];
  for (let expert = 0; expert < sizes['localExperts']; expert++) {
    const rows = sizes[rowsOfExpert(expert)];
    if (rows === undefined) return undefined;
    groups.push(rows);
  }
  return groups;
}

function shapeOf(
  kind: string,
  formulas: ReadonlyMap<ShapeKey, Formula>,
  sizes: Sizes,
  groups: readonly number[] | undefined,
): KernelShape {
  const at = (key: ShapeKey, otherwise: number): number => formulas.get(key)?.evaluate(sizes) ?? otherwise;
  const products = ATTENTION_PRODUCTS[kind] ?? { qk: 1, v: 1 };
  // A multiplication and an addition for each element.
  const flops = 2 * at('pairs', 0) * at('heads', 0) * (products.qk * at('qk', 0) + products.v * at('v', 0));
  return {
    ...{ m: at('m', 0), n: at('n', 0), k: at('k', 0), weights: at('weights', 1) },
    ...(groups === undefined ? {} : { groups }),
    ...{ flops, bytes: at('bytes', 0), keys: at('keys', 0), tiles: at('tiles', 0) },
  };
}

/** @throws BadInputError where an expression came to what no kernel has. */
function checkedShape(shape: KernelShape, place: string): KernelShape {
  for (const key of ['m', 'n', 'k', 'weights', 'flops', 'bytes', 'keys', 'tiles'] as const) {
    const value = shape[key] ?? 0;
    if (value >= 0 && value < Number.POSITIVE_INFINITY) continue;
    throw new BadInputError(
      `${place}.${key}`,
      `${place} comes to ${value} ${key}; that must be finite and not negative`,
    );
  }
  return shape;
}

/** A kernel must have the sizes that the model of its kind computes with. */
function checkShape(entry: KernelEntry, rate: KernelRate, place: string): void {
  const needed: Readonly<Record<KernelRate['model'], readonly ShapeKey[]>> = {
    tile: ['m', 'n', 'k'],
    flops: ['pairs', 'heads', 'qk', 'v'],
    memory: [],
  };
  const missing = needed[rate.model].find((key) => entry[key] === undefined);
  if (missing === undefined) return;
  const message = `${place} is of kind ${entry.kind}, timed by ${rate.model}, but has no ${missing}; add it`;
  throw new BadInputError(`${place}.${missing}`, message);
}
