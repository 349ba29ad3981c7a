import { largestBatch, memoryOf, resolveConfiguration, scenarioData } from '@epemu/config';
import type { Configuration, PhaseTemplate } from '@epemu/config';

/** What can be changed, in the order of what changing it costs. */
export const ADVICE_KINDS = ['batch', 'overlap', 'sms', 'order', 'routing', 'host', 'hardware'] as const;
export type AdviceKind = (typeof ADVICE_KINDS)[number];

/** A change that may help. */
export interface Candidate {
  readonly kind: AdviceKind;
  /** `communicationSms 20`, `launch SHARED(0) before issue DISPATCH(0)`. */
  readonly what: string;
  /** As `--set` takes them. */
  readonly settings: readonly string[];
  /** Whether no real machine gets all of it: what it brings is the most that something of its kind can. */
  readonly isCeiling: boolean;
}

/** SMs for communication that are tried around those that there are. */
const SM_STEPS = [-12, -8, -4, 4, 8, 12];
const LEAST_COMMUNICATION_SMS = 2;
/** Orders that are tried: phases that change places with the next on their stream. */
const MOST_ORDERS = 16;

/** What a configuration may make unequal, and what it is called when it is not. */
const UNEVEN = [
  { key: 'slowRanks', what: 'no slow ranks' },
  { key: 'slowNodes', what: 'no slow nodes' },
  { key: 'slowNics', what: 'no slow NICs' },
  { key: 'slowLinks', what: 'no slow links' },
  { key: 'stalls', what: 'no stalls' },
] as const;

/** @returns a configuration with settings applied. @throws BadInputError where that cannot be. */
export function changed(configuration: Configuration, settings: readonly string[]): Configuration {
  return resolveConfiguration({ scenario: { ...configuration }, settings });
}

function batches(configuration: Configuration): Candidate[] {
  const { tokensPerMicrobatch: tokens, promptLengths, rankTokens, rankPrompts } = configuration;
  // Who gives each rank its own work knows how much more there would be.
  if (rankTokens !== undefined || rankPrompts !== undefined) return [];
  const made = (what: string, setting: string): Candidate => {
    return { kind: 'batch', what, settings: [setting], isCeiling: false };
  };
  const most = memoryOf(configuration).fits === null ? undefined : largestBatch(configuration).batch;
  if (promptLengths !== undefined) {
    if (most !== undefined && most < 2 * promptLengths.length) return [];
    const twice = [...promptLengths, ...promptLengths];
    return [made(`${twice.length} prompts`, `promptLengths=${JSON.stringify(twice)}`)];
  }
  if (tokens === undefined) return [];
  const sizes = [tokens * 1.5, tokens * 2, ...(most === undefined ? [] : [most])]
    .map(Math.floor)
    .filter((size) => size > tokens && (most === undefined || size <= most));
  return [...new Set(sizes)].map((size) => made(`tokensPerMicrobatch ${size}`, `tokensPerMicrobatch=${size}`));
}

function overlaps({ scenario, overlap }: Configuration): Candidate[] {
  const other = overlap === 'full' ? 'none' : 'full';
  if (scenarioData(scenario)?.schedules[other] === undefined) return [];
  return [{ kind: 'overlap', what: `overlap ${other}`, settings: [`overlap=${other}`], isCeiling: false }];
}

/** @returns another split of the GPU, or undefined where there is none such. */
export function smSplit({ schedule, hardware }: Configuration, sms: number): Candidate | undefined {
  const { communicationSms, computeSms } = schedule;
  if (communicationSms === 0 || sms < LEAST_COMMUNICATION_SMS || sms >= hardware.gpu.sms) return undefined;
  // Where compute has what communication leaves, it still does; where it has all, too.
  const isRest = computeSms + communicationSms === hardware.gpu.sms;
  return {
    kind: 'sms',
    what: `communicationSms ${sms}`,
    settings: [
      `schedule.communicationSms=${sms}`,
      ...(isRest ? [`schedule.computeSms=${hardware.gpu.sms - sms}`] : []),
    ],
    isCeiling: false,
  };
}

/** Phases that change places with the next one on their stream; those that may not are refused when they are tried. */
function orders({ schedule }: Configuration): Candidate[] {
  const { phases } = schedule;
  const candidates: Candidate[] = [];
  phases.forEach((phase, at) => {
    const next = phases.findIndex(({ stream }, other) => other > at && stream === phase.stream);
    if (next < 0 || dependsOn(phases[next], phase)) return;
    const swapped = [...phases.slice(0, at), ...phases.slice(at + 1, next + 1), phase, ...phases.slice(next + 1)];
    candidates.push({
      kind: 'order',
      what: `${phases[next].name} launched before ${phase.name}`,
      settings: [`schedule.phases=${JSON.stringify(swapped)}`],
      isCeiling: false,
    });
  });
  return candidates.slice(0, MOST_ORDERS);
}

function dependsOn(later: PhaseTemplate, earlier: PhaseTemplate): boolean {
  return later.after.includes(earlier.name) || later.issue === earlier.name;
}

/** Experts placed by their loads, and replicated: one more on each rank, where that divides. */
function placements({ routing, eplb, redundantExperts = 0, model, ranks }: Configuration): Candidate[] {
  if (routing !== 'skewed' && routing !== 'measured') return [];
  const made = (what: string, ...settings: string[]): Candidate => ({
    kind: 'routing',
    what,
    settings: ['eplb=true', ...settings],
    isCeiling: false,
  });
  const more = redundantExperts + ranks;
  const divides = (model.experts + more) % ranks === 0;
  return [
    ...(eplb === true ? [] : [made('experts placed by EPLB')]),
    ...(divides ? [made(`EPLB with ${more} redundant experts`, `redundantExperts=${more}`)] : []),
  ];
}

function evenness(configuration: Configuration): Candidate[] {
  const { routing, jitter } = configuration;
  const made = (kind: AdviceKind, what: string, setting: string): Candidate => {
    return { kind, what, settings: [setting], isCeiling: true };
  };
  return [
    ...(routing === 'balanced' ? [] : [made('routing', 'perfectly balanced routing', 'routing=balanced')]),
    ...UNEVEN.flatMap(({ key, what }) =>
      (configuration[key]?.length ?? 0) === 0 ? [] : [made('host', what, `${key}=[]`)],
    ),
    ...(jitter === 0 ? [] : [made('host', 'no jitter between ranks', 'jitter=0')]),
  ];
}

function faster({ hardware }: Configuration): Candidate[] {
  return Object.entries(hardware.ports).map(([link, { bandwidthGBps, reach }]) => ({
    kind: 'hardware',
    what: `${reach === 'node' ? 'NVLink' : 'NIC'} of ${bandwidthGBps * 2} GB/s instead of ${bandwidthGBps}`,
    settings: [`hardware.ports.${link}.bandwidthGBps=${bandwidthGBps * 2}`],
    isCeiling: false,
  }));
}

/** @returns what a user can change of a run, one thing at a time, in the order of {@link ADVICE_KINDS}. */
export function candidatesFor(configuration: Configuration): Candidate[] {
  const { communicationSms } = configuration.schedule;
  const splits = SM_STEPS.flatMap((step) => smSplit(configuration, communicationSms + step) ?? []);
  return [
    ...batches(configuration),
    ...overlaps(configuration),
    ...splits,
    ...orders(configuration),
    ...placements(configuration),
    ...evenness(configuration),
    ...faster(configuration),
  ];
}
