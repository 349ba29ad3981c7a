import { keysAt, scenarioNames, valuesAt } from '@epemu/config';
import { timedKinds } from '@epemu/experiments';
import { hardwareNames, modelNames } from '@epemu/presets';
import type { Argument, Command, Option } from 'commander';
import { AFD } from '../afd.js';
import { PIPELINE } from '../pipeline.js';

/** What may stand in a place of the command line. */
export interface Values {
  readonly words: readonly string[];
  /** Whether a path may stand there, too. */
  readonly files: boolean;
}

export interface CompletedOption {
  /** `--ranks`, `-h`: as they are typed. */
  readonly names: readonly string[];
  readonly description: string;
  /** What its argument may be; undefined where it has none, or may have none. */
  readonly values: Values | undefined;
}

/** A command as completion sees it. */
export interface CompletedCommand {
  /** `epemu trace lint`. */
  readonly path: string;
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** What its arguments may be, the same for all of them. */
  readonly values: Values;
  readonly commands: readonly CompletedCommand[];
}

/** Values of flags that set no key of the configuration. */
const FLAG_VALUES: Readonly<Record<string, readonly string[]>> = {
  mode: ['normal', 'low-latency'],
  router: ['deepep', 'model'],
  align: ['auto', 'always', 'never'],
  theme: ['light', 'dark', 'auto'],
};

/** Flags that take a built-in preset, or the file of another. */
const PRESETS: Readonly<Record<string, () => string[]>> = {
  model: modelNames,
  hardware: hardwareNames,
  base: hardwareNames,
};

const NOTHING: Values = { words: [], files: false };

/** What an option's argument may be: told by its choices, the key of the configuration that it sets, or its name. */
function optionValues(option: Option): Values | undefined {
  // What may be left out comes after a = sign, if at all.
  if (!option.required) return undefined;
  const name = option.attributeName();
  if (Object.hasOwn(PRESETS, name)) return { words: PRESETS[name](), files: true };
  const own = option.argChoices ?? (Object.hasOwn(FLAG_VALUES, name) ? FLAG_VALUES[name] : undefined);
  const words = own ?? valuesAt(keysAt([name]).includes('kind') ? [name, 'kind'] : [name]);
  return { words, files: words.length === 0 && /<(file|folder)>$/.test(option.flags) };
}

/** Arguments are paths, except where there are names for what they may be. */
function argumentValues(command: Command, argument: Argument): Values {
  if (argument.argChoices !== undefined) return { words: argument.argChoices, files: false };
  if (command.name() === 'kernel') return { words: Object.keys(timedKinds()), files: false };
  if (argument.name() === 'scenario') {
    return { words: [...scenarioNames(), ...(command.name() === 'run' ? [PIPELINE, AFD] : [])], files: true };
  }
  if (command.name() === 'presets') return { words: [...hardwareNames(), ...modelNames()], files: true };
  return { words: [], files: true };
}

/** @returns the command and all below it, as commander has them. */
export function completionTree(command: Command, above = ''): CompletedCommand {
  const path = `${above}${command.name()}`;
  const help = command.createHelp();
  const [argument] = command.registeredArguments;
  const commands = help.visibleCommands(command).filter((below) => below.name() !== 'help');
  return {
    path,
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).map((option) => ({
      names: [option.long, option.short].filter((name) => name !== undefined),
      description: option.description,
      values: optionValues(option),
    })),
    values: argument === undefined ? NOTHING : argumentValues(command, argument),
    commands: commands.map((below) => completionTree(below, `${path} `)),
  };
}

/** @returns a command and all below it. */
export function withBelow(command: CompletedCommand): CompletedCommand[] {
  return [command, ...command.commands.flatMap(withBelow)];
}

/** @returns a text as bash and zsh take it literally. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
