import { BadInputError } from '@epemu/core';
import type { Command } from 'commander';

/** What a flag's text means, by the configuration key it sets. */
interface UnequalFlag {
  readonly flag: string;
  readonly option: string;
  readonly key: string;
  readonly help: string;
  /** How it is written, for refusals. */
  readonly example: string;
  /** @returns entries of the key; undefined where the text is none of these. */
  readonly read: (text: string) => object[] | undefined;
}

const TIME_US: Readonly<Record<string, number>> = { us: 1, µs: 1, ms: 1000, s: 1e6 };
const NUMBER = String.raw`\d+(?:\.\d+)?`;
const TIME = String.raw`(${NUMBER})(us|µs|ms|s)`;
const PLACES = String.raw`(\d+(?:-\d+)?)`;
const SPAN = `(?:@${TIME}(?:\\+${TIME})?)?`;

const microseconds = (value: string, unit: string): number => Number(value) * TIME_US[unit];

/** @returns the numbers of `3` or `3-5`; none where the last is below the first. */
function placesOf(text: string): number[] {
  const [first = 0, last = first] = text.split('-').map(Number);
  return Array.from({ length: Math.max(0, Math.min(last - first + 1, 4096)) }, (_, i) => first + i);
}

/** Reads `5=1.3`, `8-15=1.3@2ms+500us`: slowness of ranks or nodes, from when on and for how long. */
function readSlowness(key: 'rank' | 'node', text: string): object[] | undefined {
  const match = new RegExp(`^${PLACES}=(${NUMBER})${SPAN}$`).exec(text);
  if (match === null) return undefined;
  const [, places, factor, from, fromUnit, lasts, lastsUnit] = match;
  return placesOf(places).map((place) => ({
    [key]: place,
    factor: Number(factor),
    ...(from === undefined ? {} : { fromUs: microseconds(from, fromUnit) }),
    ...(lasts === undefined ? {} : { forUs: microseconds(lasts, lastsUnit) }),
  }));
}

const FLAGS: readonly UnequalFlag[] = [
  {
    ...{ flag: '--slow-rank <rank=factor>', option: 'slowRank', key: 'slowRanks' },
    help: 'a rank computes that many times as long; @2ms+5ms: from a moment on, for a while (repeatable)',
    example: '5=1.3, 8-15=1.3 or 5=1.3@2ms+5ms',
    read: (text) => readSlowness('rank', text),
  },
  {
    ...{ flag: '--slow-node <node=factor>', option: 'slowNode', key: 'slowNodes' },
    help: 'the same of all ranks of a node (repeatable)',
    example: '1=1.3 or 1=1.3@2ms+5ms',
    read: (text) => readSlowness('node', text),
  },
  {
    ...{ flag: '--slow-nic <rank=share>', option: 'slowNic', key: 'slowNics' },
    help: "a rank's links to other nodes have a share of their bandwidth (repeatable)",
    example: '3=0.5 or 8-15=0.5',
    read: (text) => {
      const [, places, factor] = new RegExp(`^${PLACES}=(${NUMBER})$`).exec(text) ?? [];
      return places === undefined ? undefined : placesOf(places).map((rank) => ({ rank, factor: Number(factor) }));
    },
  },
  {
    ...{ flag: '--slow-link <rank-rank=share>', option: 'slowLink', key: 'slowLinks' },
    help: 'bytes between two ranks have a share of the bandwidth (repeatable)',
    example: '0-9=0.1',
    read: (text) => {
      const [, from, to, factor] = new RegExp(`^(\\d+)-(\\d+)=(${NUMBER})$`).exec(text) ?? [];
      return from === undefined ? undefined : [{ ranks: [Number(from), Number(to)], factor: Number(factor) }];
    },
  },
  {
    ...{ flag: '--stall <rank@at+for>', option: 'stall', key: 'stalls' },
    help: 'a rank starts no kernel for a while (repeatable)',
    example: '5@2ms+500us',
    read: (text) => {
      const [, places, at, atUnit, lasts, lastsUnit] = new RegExp(`^${PLACES}@${TIME}\\+${TIME}$`).exec(text) ?? [];
      if (places === undefined) return undefined;
      const [atUs, forUs] = [microseconds(at, atUnit), microseconds(lasts, lastsUnit)];
      return placesOf(places).map((rank) => ({ rank, atUs, forUs }));
    },
  },
];

const TAIL = { flag: '--jitter-tail <chance>', option: 'jitterTail', key: 'jitterTail' } as const;

/** Adds the flags that make ranks, and the ways between them, unequal. */
export function addUnequalFlags(command: Command): Command {
  for (const { flag, help } of FLAGS) {
    command.option(flag, help, (value: string, before: string[] | undefined) => [...(before ?? []), value]);
  }
  return command.option(
    TAIL.flag,
    'chance of an operation to take longer by a heavy tail (--set jitterTail.exponent=2)',
  );
}

/** @returns configuration values of these flags, by key. @throws BadInputError where a text is not what a flag takes. */
export function unequalValues(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { flag, option, key, example, read } of FLAGS) {
    const texts = options[option];
    if (!Array.isArray(texts)) continue;
    const name = flag.split(' ')[0];
    values[key] = texts.map(String).flatMap((text) => {
      const entries = read(text);
      if (entries !== undefined && entries.length > 0) return entries;
      throw new BadInputError(name, `${name} is ${text}; write it as ${example}`);
    });
  }
  const chance = options[TAIL.option];
  if (typeof chance !== 'string') return values;
  if (!new RegExp(`^${NUMBER}$`).test(chance)) {
    throw new BadInputError('--jitter-tail', `--jitter-tail is ${chance}; give a chance from 0 to 1, such as 0.01`);
  }
  return { ...values, [TAIL.key]: { chance: Number(chance) } };
}
