import { availableParallelism } from 'node:os';
import { BadInputError, isMapping } from '@epemu/core';
import { parseKernelLists } from '@epemu/kernels';
import { loadHardware, loadModel, parseHardware, parseModel } from '@epemu/presets';
import type { HardwarePreset } from '@epemu/presets';
import { checkConfiguration } from './check.js';
import type { Configuration } from './configuration.js';
import { eplbOf, fillEplb, overrideEplb } from './eplb.js';
import { explainIssue, shown } from './explain.js';
import { kernelsFor } from './kernel-lists.js';
import { fillRouting, overrideRouting, routingOf } from './routing.js';
import { CONFIGURATION_SCHEMA, CONFIGURATION_VERSION, keysAt } from './schema.js';
import { scenarioData, scenarioNames } from './scenario-data.js';
import { applySetting, environmentOverrides, merged, parseScalar, readScenarioFile } from './sources.js';
import type { PlainObject } from './sources.js';
import { fillWork, overrideWork } from './uneven-work.js';

/** Where a configuration comes from; later fields are stronger than earlier ones. */
export interface ConfigurationSources {
  /** Name of a built-in scenario, path of a YAML or JSON file, or what such a file would hold. */
  readonly scenario: string | Readonly<PlainObject>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Values from flags, by configuration key. */
  readonly flags?: Readonly<PlainObject>;
  /**
   * Texts `path=value` of `--set`. Whole keys (`overlap=none`) count as flags do, and decide the defaults of others;
   * paths into a key are applied afterwards, in order.
   */
  readonly settings?: readonly string[];
}

const KNOWN_KEYS = Object.keys(CONFIGURATION_SCHEMA.shape);

function baseOf(scenario: string | Readonly<PlainObject>): PlainObject {
  if (typeof scenario !== 'string') return scenario;
  const builtIn = scenarioData(scenario);
  if (builtIn !== undefined) return { scenario };
  if (!/[./\\]/.test(scenario)) {
    const names = scenarioNames().join(', ');
    throw new BadInputError('scenario', `there is no scenario ${scenario}; choose one of ${names}, or name a file`);
  }
  return readScenarioFile(scenario);
}

/**
 * @returns a merge in which a stronger choice of prompts takes a weaker token count away, and the other way round; so do
 * kinds of routing with each other's parameters.
 */
function overridden(weaker: PlainObject, stronger: PlainObject): PlainObject {
  const kept = { ...weaker };
  if (stronger['tokensPerMicrobatch'] !== undefined) delete kept['promptLengths'];
  if (stronger['promptLengths'] !== undefined) delete kept['tokensPerMicrobatch'];
  overrideRouting(kept, stronger);
  overrideEplb(kept, stronger);
  overrideWork(kept, stronger);
  return merged(kept, stronger);
}

/** Tells settings of whole keys from those that lead into one. A schedule is none that others follow from. */
function splitSettings(settings: readonly string[]): { whole: PlainObject; paths: string[] } {
  const whole: PlainObject = {};
  const paths: string[] = [];
  for (const setting of settings) {
    const at = setting.indexOf('=');
    const key = setting.slice(0, Math.max(0, at));
    if (key !== 'schedule' && KNOWN_KEYS.includes(key)) whole[key] = parseScalar(setting.slice(at + 1));
    else paths.push(setting);
  }
  return { whole, paths };
}

/** Brings a configuration of an older version to the present one. @throws BadInputError naming a version that is unknown. */
function migrated(values: PlainObject): PlainObject {
  const { version = 1 } = values;
  if (version !== 1 && version !== CONFIGURATION_VERSION) {
    const known = `this epemu reads versions 1 to ${CONFIGURATION_VERSION}`;
    throw new BadInputError('version', `version is ${shown(version)}, but ${known}; use an epemu as new as the file`);
  }
  return { ...values, version: CONFIGURATION_VERSION };
}

function refuseUnknownKeys(values: PlainObject): void {
  const unknown = Object.keys(values).find((key) => !KNOWN_KEYS.includes(key));
  if (unknown === undefined) return;
  throw explainIssue(
    { code: 'unrecognized_keys', keys: [unknown], path: [], message: '', input: values },
    values,
    keysAt,
  );
}

/** The scenario whose defaults apply: the one named, else the one the family suggests (a file may name its own). */
function defaultsFor(values: PlainObject): { defaults: PlainObject; schedules: Readonly<PlainObject> } {
  const name = typeof values['scenario'] === 'string' ? values['scenario'] : '';
  const data = scenarioData(name) ?? scenarioData(values['family'] === 'training' ? 'train' : 'decode');
  if (data === undefined)
    throw new BadInputError('scenario', 'the built-in scenarios are missing; install epemu again');
  if (scenarioData(name) === undefined && !isMapping(values['schedule'])) {
    const names = scenarioNames().join(', ');
    throw new BadInputError(
      'scenario',
      `scenario is ${JSON.stringify(name)}; name one of ${names}, or give a schedule`,
    );
  }
  return { defaults: { ...data.defaults }, schedules: data.schedules };
}

function inlinePreset<T>(
  value: unknown,
  field: string,
  load: (name: string) => T,
  parse: (v: unknown, f: string) => T,
): T {
  if (typeof value === 'string') return load(value);
  if (isMapping(value)) return parse(value, field);
  throw new BadInputError(field, `${field} is ${shown(value)}; give a preset's name, a file or a mapping`);
}

/** What keys of a data sheet say of links, and the key that a run takes it from. */
const LINK_KEYS: Readonly<Record<string, string>> = {
  rdmaGBps: 'set hardware.ports.rdma.bandwidthGBps, or --nic-gbps',
  nvlinkGBps: 'set hardware.ports.nvlink.bandwidthGBps, or --nvlink-gbps',
};

/** Rates follow a data sheet when a preset is derived, before any setting: one set afterwards would change nothing. */
function refuseDataSheet(setting: string): void {
  const [, , key = ''] = /^hardware\.(dataSheet)(?:\.(\w+))?/.exec(setting) ?? [];
  if (!setting.startsWith('hardware.dataSheet')) return;
  const remedy = LINK_KEYS[key] ?? 'give a preset file with base and dataSheet (docs/presets.md), or set the rates';
  const message = `--set ${setting}: a data sheet scales presets that are derived from another, and nothing after that; ${remedy}`;
  throw new BadInputError('--set', message);
}

/** Puts a number in the place of a schedule's `computeSms: rest` or `all`; whatever else is wrong is told later. */
function resolveSms(schedule: PlainObject, hardware: unknown): void {
  const sms = (hardware as HardwarePreset).gpu.sms;
  if (schedule['computeSms'] === 'all') schedule['computeSms'] = sms;
  if (schedule['computeSms'] !== 'rest') return;
  const { communicationSms } = schedule;
  schedule['computeSms'] = sms - (typeof communicationSms === 'number' ? communicationSms : 0);
}

/** A schedule that is none would silently leave the built-in one in its place. */
function refuseNoMapping(schedule: unknown): void {
  if (schedule === undefined || isMapping(schedule)) return;
  const remedy = "but it must be a mapping; give streams and phases, or remove it for the scenario's own";
  throw new BadInputError('schedule', `schedule is ${shown(schedule)}, ${remedy}`);
}

/**
 * Resolves a run's configuration: defaults of the scenario, then file, environment, flags and settings.
 * @throws BadInputError naming field, value and what is allowed.
 */
export function resolveConfiguration(sources: ConfigurationSources): Configuration {
  const file = migrated(baseOf(sources.scenario));
  refuseUnknownKeys(file);
  refuseNoMapping(file['schedule']);
  const { whole, paths } = splitSettings(sources.settings ?? []);
  const environment = environmentOverrides(sources.environment ?? {});
  // A path into the skew leads somewhere where the routing is skewed, and says that it is.
  if (whole['routing'] === undefined && paths.some((path) => path.startsWith('routingSkew.')))
    whole['routingSkew'] ??= {};
  const flags = sources.flags ?? {};
  // Of one command line, flag and setting do not take each other's routing away: they are refused where they contradict.
  const chosen = [environment, flags, { ...routingOf(flags), ...eplbOf(flags), ...whole }].reduce(overridden, file);
  const { defaults, schedules } = defaultsFor(chosen);
  const values = overridden(defaults, chosen);
  const overlap = String(values['overlap']);
  const keepsSchedule = isMapping(file['schedule']) && (file['overlap'] ?? overlap) === overlap;
  values['schedule'] = keepsSchedule ? file['schedule'] : (schedules[overlap] ?? {});
  const ranks = typeof values['ranks'] === 'number' ? values['ranks'] : 1;
  values['ranksPerWorker'] ??= ranks > 32 ? 8 : 1;
  values['threads'] ??= availableParallelism();
  const model = inlinePreset(values['model'], 'model', loadModel, parseModel);
  values['model'] = model;
  fillRouting(values, model);
  fillEplb(values);
  fillWork(values);
  values['kernels'] = kernelsFor(values, file['schedule'], model);
  const hardware = inlinePreset(values['hardware'], 'hardware', loadHardware, parseHardware);
  values['hardware'] = hardware;
  values['era'] ??= hardware.defaultEra;
  values['jitter'] ??= hardware.jitter.phaseRelativeStandardDeviation;
  const settable = structuredClone(values);
  paths.forEach(refuseDataSheet);
  for (const setting of paths) applySetting(settable, setting, KNOWN_KEYS);
  if (isMapping(settable['schedule'])) resolveSms(settable['schedule'], settable['hardware']);
  return parseConfiguration(settable);
}

/**
 * Checks a resolved configuration, as read from `config.json` or received from a coordinator.
 * @throws BadInputError naming field, value and what is allowed.
 */
export function parseConfiguration(values: unknown): Configuration {
  const parsed = CONFIGURATION_SCHEMA.safeParse(values);
  if (!parsed.success) {
    // A misspelt key is told before the key that is missing because of it.
    const { issues } = parsed.error;
    throw explainIssue(issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0], values, keysAt);
  }
  const configuration: Configuration = {
    ...parsed.data,
    model: parseModel(parsed.data.model, 'model'),
    hardware: parseHardware(parsed.data.hardware, 'hardware'),
    kernels: parseKernelLists(parsed.data.kernels),
  };
  checkConfiguration(configuration);
  return configuration;
}
