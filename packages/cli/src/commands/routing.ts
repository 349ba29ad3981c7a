import { counted, EXIT_CODE } from '@epemu/core';
import { locatedInFile } from '@epemu/config';
import { routingFigures } from '@epemu/experiments';
import type { RoutedCall, RoutedLayer, RoutingFigures } from '@epemu/experiments';
import { plainText } from '@epemu/pages';
import type { Command } from 'commander';
import { addConfigurationFlags } from '../options.js';
import { plainTable } from '../plain-table.js';
import { ProgressLine } from '../progress.js';
import type { RunFlags } from '../run-flags.js';
import { configurationFrom, keysSetElsewhere } from './run.js';

interface RoutingFlags extends RunFlags {
  readonly calls?: boolean;
}

/** Problems that the text names; JSON has all. */
const MOST_NAMED = 20;

/** Adds `epemu routing`. */
export function addRoutingCommand(program: Command): void {
  const command = program
    .command('routing')
    .description(
      'route the tokens of a scenario, without running it: rows of experts, ranks and nodes, and what is odd',
    )
    .argument('[scenario]', 'train, prefill, decode, or a YAML/JSON file', 'decode');
  addConfigurationFlags(command)
    .option('--calls', 'with --json: the rows of each rank and expert in each dispatch, too')
    .option('--json', 'print the figures as JSON')
    .addHelpText(
      'after',
      `
A figure is the mean over a layer's dispatches of the rows of its experts, ranks (GPUs) and nodes: the fullest over the
mean, (max − mean) / mean, mean over the fullest, Gini coefficient. A run's report.json has the same in imbalance.
Exit code 1 where routing is not what it should be: an expert twice for a token, balanced rows that are not equal.

Examples:
  epemu routing                                        decode is balanced
  epemu routing prefill --routing skewed --set routingSkew.exponent=0.8
  epemu routing decode --expert-loads examples/expert-loads.csv --layers 58
  epemu routing prefill --expert-loads examples/expert-loads.csv --redundant-experts 32   with EPLB, and without
  epemu routing train --json | jq '.layers[].rankMaxOverMean'
  epemu routing runs/…/config.json --ranks 32`,
    )
    .action((scenario: string, flags: RoutingFlags) => {
      try {
        print(scenario, flags);
      } catch (error) {
        throw locatedInFile(error, scenario, keysSetElsewhere(flags));
      }
    });
}

function print(scenario: string, flags: RoutingFlags): void {
  const configuration = configurationFrom(scenario, flags);
  const progress = new ProgressLine(process.stderr);
  const calls: RoutedCall[] = [];
  const figures = routingFigures(configuration, (call, share) => {
    if (flags.calls === true) calls.push(call);
    progress.show({ stage: 'routing', share, detail: `layer ${call.layer}` });
  });
  progress.end();
  const json = flags.calls === true ? { ...figures, calls } : figures;
  process.stdout.write(flags.json === true ? `${JSON.stringify(json, null, 1)}\n` : routingText(figures));
  if (figures.problems.some(({ severity }) => severity === 'error')) process.exitCode = EXIT_CODE.failure;
}

const HEAD = ['layer', 'of', 'rows a dispatch', 'max/mean', '(max-mean)/mean', 'mean/max', 'Gini', 'without rows'];

const emptyOf = (ranks: readonly number[]): string => (ranks.length > 0 ? `ranks ${ranks.join(', ')}` : '');

function layerRows({ layer, levels, rowsOfExpert, rowsOfRank, emptyRanks, withoutEplb }: RoutedLayer): string[][] {
  const figures = ({ maxOverMean, excess, meanOverMax, gini }: RoutedLayer['levels']['rank']): string[] =>
    [maxOverMean, excess, meanOverMax, gini].map((value) => value.toFixed(3));
  const rows = ({ min, mean, max }: RoutedLayer['rowsOfRank']): string => `${min} … ${mean} … ${max}`;
  return [
    [
      String(layer),
      withoutEplb === undefined ? 'expert' : 'replica',
      rows(rowsOfExpert),
      ...figures(levels.expert),
      '',
    ],
    ['', 'rank', rows(rowsOfRank), ...figures(levels.rank), emptyOf(emptyRanks)],
    ['', 'node', '', ...figures(levels.node), ''],
    ...(withoutEplb === undefined
      ? []
      : [
          ['', 'rank without EPLB', '', ...figures(withoutEplb.levels.rank), emptyOf(withoutEplb.emptyRanks)],
          ['', 'node without EPLB', '', ...figures(withoutEplb.levels.node), ''],
        ]),
  ];
}

/** The text of `epemu routing`. */
function routingText({ routing, ranks, layers, problems }: RoutingFigures): string {
  const table = plainTable(HEAD, layers.flatMap(layerRows), [0, 2, 3, 4, 5, 6]).replace(/ +$/gm, '');
  const named = problems
    .slice(0, MOST_NAMED)
    .map(({ severity, layer, microBatch, rank, message }) =>
      plainText(`${severity}: layer ${layer}, micro-batch ${microBatch}, rank ${rank}: ${message}`),
    );
  const left = problems.length - named.length;
  return [
    `${routing} routing of ${counted(ranks, 'rank')}; rows are least … mean … most`,
    table,
    ...named,
    ...(left > 0 ? [`and ${counted(left, 'more problem')}; --json has all`] : []),
    problems.length === 0 ? 'no problems' : counted(problems.length, 'problem'),
    '',
  ].join('\n');
}
