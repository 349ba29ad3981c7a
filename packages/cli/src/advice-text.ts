import type { Advice, AdviceReport } from '@epemu/experiments';
import { percentText, plainText, timeText } from '@epemu/pages';
import { shellWord } from './options.js';

const milliseconds = (ms: number): string => timeText(ms * 1000);

/** Settings longer than this fit into no line; `--save` writes them. */
const MOST_SETTING_CHARACTERS = 100;

/** @returns what a user enters to run a change. @param saved the file that has it, where it was saved. */
function adviceCommand({ settings }: Advice, run: string, saved: string | undefined): string {
  if (saved !== undefined) return `epemu run ${saved}`;
  if (settings.some((setting) => setting.length > MOST_SETTING_CHARACTERS)) return '--save FOLDER writes it';
  return `epemu run ${run} ${settings.map((setting) => `--set ${shellWord(setting)}`).join(' ')}`;
}

function saves({ savedUsPerLayer, savedPct }: Advice): string {
  return `${timeText(savedUsPerLayer)} a layer (${percentText(savedPct)})`;
}

/** A title, and for each change what it brings, the change, and below it how to run it. */
function block(
  title: string,
  rows: readonly (readonly [Advice, string])[],
  command: (advice: Advice) => string,
): string[] {
  const lines = rows.flatMap(([advice, brings]) => [`  ${advice.what}: ${brings}`, `      ${command(advice)}`]);
  return rows.length === 0 ? [] : [title, ...lines, ''];
}

/** What several of a kind that do not help are called. */
const MANY: Partial<Record<Advice['kind'], string>> = { order: 'launch orders', sms: 'splits of the SMs' };

/** @returns what a step takes more, in a word. */
function longer({ savedPct }: Advice): string {
  if (Math.abs(savedPct) < 0.005) return 'as long';
  return `${percentText(Math.abs(savedPct))} ${savedPct > 0 ? 'shorter' : 'longer'}`;
}

/** What does not help: of a kind with many, how many, and how long the best and the worst take. */
function uselessTexts(useless: readonly Advice[]): string[] {
  const texts: string[] = [];
  for (const [kind, name] of [...Object.entries(MANY), [undefined, '']]) {
    const of = useless.filter((advice) =>
      kind === undefined ? MANY[advice.kind] === undefined : advice.kind === kind,
    );
    if (kind === undefined || of.length < 3) texts.push(...of.map((advice) => `${advice.what} (${longer(advice)})`));
    else texts.push(`${of.length} other ${String(name)} (${longer(of[0])} to ${longer(of[of.length - 1])})`);
  }
  return texts;
}

/** What the best that a user can set brings, in a sentence. */
export function adviceSentence({ tries, batches, together }: AdviceReport): string {
  const free = tries.filter(({ isCeiling, kind }) => !isCeiling && kind !== 'hardware');
  const best = together ?? free.at(0);
  if (best !== undefined) return `${best.what} saves ${saves(best)}, emulated.`;
  const bought = tries.find(({ isCeiling }) => !isCeiling);
  const settings = 'No setting that was emulated makes a step shorter';
  if (bought !== undefined) return `${settings}; ${bought.what} would save ${saves(bought)}.`;
  const larger = batches.at(0);
  if (larger === undefined) return `${settings}, nor does faster hardware: nothing that was tried helps.`;
  return `${settings}; ${larger.what} brings ${percentText(larger.moreTokensPct)} more tokens/s for a longer one.`;
}

/** The text of `epemu advise`. @param run the scenario and flags of the run. @param savedAs the file of each advice that was saved. */
export function adviceText(report: AdviceReport, run: string, savedAs: ReadonlyMap<Advice, string>): string {
  const { base, tries, batches, together, useless, refused } = report;
  const command = (advice: Advice): string => adviceCommand(advice, run, savedAs.get(advice));
  const saving = (of: readonly Advice[]): [Advice, string][] => of.map((advice) => [advice, `saves ${saves(advice)}`]);
  const free = tries.filter(({ isCeiling, kind }) => !isCeiling && kind !== 'hardware');
  const hardware = tries.filter(({ kind }) => kind === 'hardware');
  const ceilings = tries.filter(({ isCeiling }) => isCeiling);
  const step = base.tpotMs === null ? 'a step of the whole model takes' : 'TPOT is';
  const useful = [...(together === null ? [] : [together]), ...free];
  const more = batches.map((advice): [Advice, string] => [
    advice,
    `${percentText(advice.moreTokensPct)} more tokens/s, ${milliseconds(base.stepMs)} → ${milliseconds(advice.stepMs)} a step`,
  ]);
  const helpless = uselessTexts(useless);
  const lines = [
    `${step} ${milliseconds(base.stepMs)}, a steady layer ${timeText(base.layerUs)}, ${percentText(base.exposedCommPct)} of it exposed ` +
      `communication; ${base.tokensPerSecondPerGpu.toFixed(0)} tokens/s a GPU`,
    '',
    ...block('Settings that make a step shorter', saving(useful), command),
    ...block('More tokens/s by a larger batch that fits into memory', more, command),
    ...block('Hardware', saving(hardware), command),
    ...block(
      'Ceilings: the most that evening out could bring, which no machine gets all of',
      saving(ceilings),
      command,
    ),
    ...(helpless.length === 0
      ? []
      : ['Emulated, and no help; a step is then', ...helpless.map((text) => `  ${text}`), '']),
    ...refused.map(({ what, why }) => `Not possible: ${what}: ${why}`),
    ...(refused.length === 0 ? [] : ['']),
    adviceSentence(report),
  ];
  return `${lines.map(plainText).join('\n')}\n`;
}
