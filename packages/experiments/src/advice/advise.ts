import type { Configuration } from '@epemu/config';
import { EpemuError, messageOf } from '@epemu/core';
import type { PointFigures } from '../points/point.js';
import type { PointOutcome } from '../points/point-pool.js';
import { ADVICE_KINDS, candidatesFor, changed, smSplit } from './candidates.js';
import type { Candidate } from './candidates.js';

/** What a run takes, by one configuration. */
export interface AdvisedFigures {
  readonly stepMs: number;
  /** Of the steady layers. */
  readonly layerUs: number;
  readonly exposedCommPct: number;
  readonly tokensPerSecondPerGpu: number;
  readonly tpotMs: number | null;
}

/** A change that was emulated, and what it brings. */
export interface Advice extends Candidate, AdvisedFigures {
  /** Of a step of the whole model, for each of its layers; negative where it takes longer. */
  readonly savedUsPerLayer: number;
  /** The same, % of the step. */
  readonly savedPct: number;
  /** More tokens/s a GPU, %. */
  readonly moreTokensPct: number;
}

/** What advice on a run there is. */
export interface AdviceReport {
  readonly schema: 'epemu-advice/1';
  readonly base: AdvisedFigures;
  /** What makes the same work take less time, best first. */
  readonly tries: readonly Advice[];
  /** More work at once: more tokens/s, each step longer. */
  readonly batches: readonly Advice[];
  /** The best split of the SMs and the best order at once; null where not both help, or together bring no more. */
  readonly together: Advice | null;
  /** What was emulated and does not help. */
  readonly useless: readonly Advice[];
  /** What cannot be, and why. */
  readonly refused: readonly (Candidate & { readonly why: string })[];
}

/** Less than this, %, is nothing gained: a seed more or less brings as much. */
export const NOTHING_PCT = 0.1;

function advisedFigures({ throughput, steady }: PointFigures): AdvisedFigures {
  return {
    stepMs: throughput.stepMs,
    layerUs: steady.layerUs.mean,
    exposedCommPct: steady.exposedCommPct,
    tokensPerSecondPerGpu: throughput.tokensPerSecondPerGpu,
    tpotMs: throughput.tpotMs ?? null,
  };
}

/** Thrown when the run itself cannot be emulated again. */
export class AdviceError extends EpemuError {}

/** Who emulates configurations. */
export type Emulate = (configuration: Configuration) => Promise<PointOutcome>;

interface Trial {
  readonly candidate: Candidate;
  readonly outcome: PointOutcome;
}

/** Emulates what may help a run and says what does. */
class Adviser {
  readonly #configuration: Configuration;
  readonly #emulate: Emulate;
  readonly #tried: Trial[] = [];
  readonly #onTrial: (candidate: Candidate, open: number) => void;
  #open = 0;

  constructor(configuration: Configuration, emulate: Emulate, onTrial: (candidate: Candidate, open: number) => void) {
    this.#configuration = configuration;
    this.#emulate = emulate;
    this.#onTrial = onTrial;
  }

  async #try(candidate: Candidate): Promise<Trial> {
    this.#open++;
    const outcome = await this.#outcomeOf(candidate);
    this.#open--;
    const trial = { candidate, outcome };
    this.#tried.push(trial);
    this.#onTrial(candidate, this.#open);
    return trial;
  }

  async #outcomeOf({ settings }: Candidate): Promise<PointOutcome> {
    let configuration: Configuration;
    try {
      configuration = changed(this.#configuration, settings);
    } catch (error) {
      return { error: messageOf(error) };
    }
    return await this.#emulate(configuration);
  }

  /** Splits of the SMs next to the best of those that were tried. */
  async #refineSms(base: AdvisedFigures): Promise<void> {
    const sms = (candidate: Candidate): number => Number(candidate.what.split(' ')[1]);
    const best = this.#adviceOf(base)
      .filter(({ kind }) => kind === 'sms')
      .sort((a, b) => a.stepMs - b.stepMs)
      .at(0);
    const { communicationSms } = this.#configuration.schedule;
    const around = best === undefined || best.savedPct <= 0 ? communicationSms : sms(best);
    const finer = [around - 2, around + 2].flatMap((count) => smSplit(this.#configuration, count) ?? []);
    await Promise.all(finer.map((candidate) => this.#try(candidate)));
  }

  /** What each that was tried brings. */
  #adviceOf(base: AdvisedFigures): Advice[] {
    return this.#tried.flatMap((trial) => this.#brings(trial, base) ?? []);
  }

  #brings({ candidate, outcome }: Trial, base: AdvisedFigures): Advice | undefined {
    if ('error' in outcome) return undefined;
    const figures = advisedFigures(outcome.figures);
    const savedMs = base.stepMs - figures.stepMs;
    return {
      ...candidate,
      ...figures,
      savedUsPerLayer: (savedMs * 1000) / this.#configuration.model.layers,
      savedPct: (100 * savedMs) / base.stepMs,
      moreTokensPct: 100 * (figures.tokensPerSecondPerGpu / base.tokensPerSecondPerGpu - 1),
    };
  }

  /** The best of each kind that costs nothing, at once. */
  async #together(base: AdvisedFigures, tries: readonly Advice[]): Promise<Advice | null> {
    // Another overlap is another schedule, to which splits and orders of this one do not apply.
    const best = (['sms', 'order'] as const).flatMap((kind) => tries.find((advice) => advice.kind === kind) ?? []);
    if (best.length < 2) return null;
    const candidate: Candidate = {
      ...best[0],
      what: best.map(({ what }) => what).join(' and '),
      settings: best.flatMap(({ settings }) => settings),
    };
    const advice = this.#brings({ candidate, outcome: await this.#outcomeOf(candidate) }, base);
    return advice !== undefined && advice.savedPct > tries[0].savedPct ? advice : null;
  }

  async advise(): Promise<AdviceReport> {
    const candidates = candidatesFor(this.#configuration);
    const [outcome] = await Promise.all([
      this.#emulate(this.#configuration),
      ...candidates.map((candidate) => this.#try(candidate)),
    ]);
    if ('error' in outcome) throw new AdviceError(`the run cannot be emulated again: ${outcome.error}`);
    const base = advisedFigures(outcome.figures);
    if (candidates.some(({ kind }) => kind === 'sms')) await this.#refineSms(base);
    // What ends first is tried first: the order in which candidates were found decides between equals.
    const place = (advice: Advice): number => ADVICE_KINDS.indexOf(advice.kind);
    const all = this.#adviceOf(base).sort(
      (a, b) => b.savedPct - a.savedPct || place(a) - place(b) || (a.what < b.what ? -1 : 1),
    );
    const helps = (advice: Advice): boolean =>
      (advice.kind === 'batch' ? advice.moreTokensPct : advice.savedPct) > NOTHING_PCT;
    const tries = bestOfKinds(all.filter((advice) => advice.kind !== 'batch' && helps(advice)));
    return {
      schema: 'epemu-advice/1',
      base,
      tries,
      batches: all
        .filter((advice) => advice.kind === 'batch' && helps(advice))
        .sort((a, b) => b.moreTokensPct - a.moreTokensPct),
      together: await this.#together(base, tries),
      useless: all.filter((advice) => !helps(advice)),
      refused: this.#tried.flatMap(({ candidate, outcome: of }) =>
        'error' in of ? [{ ...candidate, why: of.error }] : [],
      ),
    };
  }
}

/** Of the splits of the SMs the best: the others say the same again. */
function bestOfKinds(tries: readonly Advice[]): Advice[] {
  const split = tries.find(({ kind }) => kind === 'sms');
  return tries.filter((advice) => advice.kind !== 'sms' || advice === split);
}

/**
 * Emulates what a user can change of a run, one thing at a time, and says what each brings.
 * @param onTrial told of each that was emulated, and how many are left.
 * @throws AdviceError where the run itself cannot be emulated.
 */
export async function advise(
  configuration: Configuration,
  emulate: Emulate,
  onTrial: (candidate: Candidate, open: number) => void = () => undefined,
): Promise<AdviceReport> {
  return await new Adviser(configuration, emulate, onTrial).advise();
}
