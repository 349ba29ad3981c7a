import { parseScalar } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import type { Command } from 'commander';
import { optionOf } from './flag-names.js';
import { addUnequalFlags, unequalValues } from './unequal-flags.js';

/** Flags that mean the same in every command that has them, and the configuration key each sets. */
const FLAGS: readonly { readonly flag: string; readonly key: string; readonly help: string }[] = [
  { flag: '--ranks <n>', key: 'ranks', help: 'EP ranks (train 64, prefill 32, decode 128)' },
  { flag: '--layers <n>', key: 'layers', help: 'MoE layers; 61 is the whole model (default 4)' },
  { flag: '--steps <n>', key: 'steps', help: 'steps in a row; in decode the KV grows by a token each (default 1)' },
  { flag: '--seed <n>', key: 'seed', help: 'seed of all random draws (default 7)' },
  { flag: '--routing <kind>', key: 'routing', help: 'balanced, statistical, biased, skewed or measured' },
  {
    flag: '--expert-loads <file>',
    key: 'expertLoads',
    help: 'loads by layer and expert (CSV, JSON); routing is measured',
  },
  { flag: '--eplb', key: 'eplb', help: "place experts by DeepSeek's EPLB, by their loads" },
  {
    flag: '--redundant-experts <n>',
    key: 'redundantExperts',
    help: 'replicas of experts beyond one of each, placed by EPLB',
  },
  { flag: '--eplb-policy <kind>', key: 'eplbPolicy', help: 'hierarchical or global (default: as nodes divide groups)' },
  {
    flag: '--overlap <kind>',
    key: 'overlap',
    help: 'full, or none: nothing hidden, the same tokens of a GPU at once (default full)',
  },
  {
    flag: '--tokens-per-microbatch <n>',
    key: 'tokensPerMicrobatch',
    help: 'tokens of each micro-batch (train, decode)',
  },
  { flag: '--prompt-lengths <a,b,…>', key: 'promptLengths', help: 'prompt lengths of a rank (prefill)' },
  { flag: '--rank-tokens <a,b,…|file>', key: 'rankTokens', help: 'tokens of a micro-batch by rank (train, decode)' },
  { flag: '--rank-prompts <file>', key: 'rankPrompts', help: 'prompt lengths, a line a rank (prefill)' },
  { flag: '--kv-lengths <file>', key: 'kvLengths', help: 'KV lengths of requests, a line a rank (decode)' },
  { flag: '--kv-spread <n>', key: 'kvSpread', help: 'standard deviation over mean of KV lengths, log-normal (decode)' },
  { flag: '--model <preset>', key: 'model', help: 'model preset, or a file (default deepseek-v3; see epemu presets)' },
  { flag: '--hardware <preset>', key: 'hardware', help: 'hardware preset, or a file (default h800)' },
  { flag: '--era <era>', key: 'era', help: "feb25, apr25, jun25 or sep25: DeepEP's kernels (default: the hardware's)" },
  {
    flag: '--kv-precision <kind>',
    key: 'kvPrecision',
    help: 'fp8 or bf16: decides what fits, and no time (default fp8)',
  },
  { flag: '--payload <kind>', key: 'payload', help: 'float32, or none: headers and routing only' },
  { flag: '--fabric <kind>', key: 'fabric', help: 'websocket (processes) or memory (one process)' },
  { flag: '--kernel-names <kind>', key: 'kernelNames', help: "nccl, or deepep: as DeepSeek's trace names them" },
  { flag: '--tracks <kind>', key: 'tracks', help: 'on, or off: no tracks of exposed and idle time in traces' },
  {
    flag: '--trace-window <window>',
    key: 'traceWindow',
    help: 'what the merged trace holds: layers=2-4,ranks=0-3 (steps=…), or from=1ms,to=3ms (default: all)',
  },
  { flag: '--ranks-per-worker <n>', key: 'ranksPerWorker', help: 'ranks of a process (default 1; 8 above 32 ranks)' },
  {
    flag: '--pace <rows>',
    key: 'pace',
    help: 'rows of the schedule a second of host time (default: as fast as can be)',
  },
  { flag: '--threads <n>', key: 'threads', help: 'compute threads of the host, dealt out to its workers' },
];

/** Flags for the bandwidth of a link, and the key each sets: whatever follows from it is told by the hardware's law. */
const BANDWIDTH_FLAGS = [
  { option: 'nicGbps', flag: '--nic-gbps <n>', key: 'hardware.ports.rdma.bandwidthGBps', what: "a GPU's NIC" },
  {
    option: 'nvlinkGbps',
    flag: '--nvlink-gbps <n>',
    key: 'hardware.ports.nvlink.bandwidthGBps',
    what: "a GPU's NVLink",
  },
] as const;

/** Adds the flags that say how fast the links of a modelled machine are. */
export function addBandwidthFlags(command: Command): Command {
  for (const { flag, what } of BANDWIDTH_FLAGS) {
    command.option(flag, `nominal GB/s of ${what}, one direction (default: the hardware's)`);
  }
  return command;
}

/** @returns what the bandwidth flags set, as texts of `--set`. @throws BadInputError where one is no bandwidth. */
export function bandwidthSettings(options: Readonly<Record<string, unknown>>): string[] {
  return BANDWIDTH_FLAGS.flatMap(({ option, flag, key }) => {
    const text = options[option];
    if (typeof text !== 'string') return [];
    const value = parseScalar(text);
    if (typeof value === 'number' && value > 0) return [`${key}=${value}`];
    const name = flag.split(' ')[0];
    throw new BadInputError(name, `${name} is ${text}; give GB/s above 0, such as 100`);
  });
}

/** Adds the flags of a run's configuration to a command. */
export function addConfigurationFlags(command: Command): Command {
  for (const { flag, help } of FLAGS) command.option(flag, help);
  addBandwidthFlags(command);
  addUnequalFlags(command);
  return command.option('--set <path=value>', 'set any key of the configuration (repeatable)', collect);
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** What a flag's text means as a configuration value. */
function valueOf(key: string, text: string): unknown {
  if (key === 'promptLengths') return text.split(',').map((part) => parseScalar(part));
  if (key === 'payload') return { kind: text };
  if (key === 'rankTokens' && /^\d+(,\d+)*$/.test(text)) return text.split(',').map(Number);
  // A file may be named by a number.
  if (['expertLoads', 'rankPrompts', 'kvLengths', 'traceWindow'].includes(key)) return text;
  return parseScalar(text);
}

/** @returns configuration values from parsed flags, by key. */
export function configurationFlags(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values = unequalValues(options);
  for (const { flag, key } of FLAGS) {
    const text = options[optionOf(flag)];
    if (text === true) values[key] = true;
    if (typeof text === 'string') values[key] = valueOf(key, text);
  }
  return values;
}

/** @returns keys of the configuration by the names of the flags that set them, without dashes. */
export function flagKeys(): ReadonlyMap<string, string> {
  return new Map([...FLAGS, ...BANDWIDTH_FLAGS].map(({ flag, key }) => [flag.split(' ')[0].slice(2), key]));
}

/** @returns a word as a shell takes it. */
export function shellWord(text: string): string {
  return /^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** @returns the flags of a configuration as they were entered, for a command that has them again. */
export function configurationWords(options: Readonly<Record<string, unknown>>): string[] {
  const flags = [...FLAGS, ...BANDWIDTH_FLAGS].flatMap(({ flag }) => {
    const text = options[optionOf(flag)];
    if (text === true) return [flag];
    return typeof text === 'string' ? [flag.split(' ')[0], shellWord(text)] : [];
  });
  const settings = options['set'];
  return [...flags, ...(Array.isArray(settings) ? settings.flatMap((each) => ['--set', shellWord(String(each))]) : [])];
}

/** @returns the texts of `--set`, in order, behind those that the bandwidth flags stand for. */
export function settingsOf(options: Readonly<Record<string, unknown>>): string[] {
  const settings = options['set'];
  return [...bandwidthSettings(options), ...(Array.isArray(settings) ? settings.map(String) : [])];
}
