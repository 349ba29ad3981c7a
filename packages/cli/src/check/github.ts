import { failureSentence } from './check-text.js';
import type { CheckOutcome } from './outcome.js';

/** What a workflow command takes literally. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** @returns GitHub's workflow commands: an error for each requirement that does not hold, else one notice. */
export function githubText(source: string, outcomes: readonly CheckOutcome[]): string {
  const failed = outcomes.filter(({ holds }) => !holds);
  const lines = failed.map(
    (outcome) =>
      `::error title=${property(`epemu: ${outcome.requirement}`)}::${data(`${failureSentence(outcome)} (${source})`)}`,
  );
  if (failed.length === 0) {
    const figures = outcomes.map(({ path, valueText }) => `${path} ${valueText}`).join(', ');
    lines.push(`::notice title=${property('epemu: all requirements hold')}::${data(`${figures} (${source})`)}`);
  }
  return `${lines.join('\n')}\n`;
}
