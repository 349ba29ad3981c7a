import { failureSentence } from './check-text.js';
import type { CheckOutcome } from './outcome.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text of an attribute; XML 1.0 has no control characters, and none of them belongs into a name. */
function xml(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f\ufffe\uffff]/g, ' ')
    .replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

function testCase(source: string, outcome: CheckOutcome): string {
  const head = `  <testcase classname="${xml(source)}" name="${xml(outcome.requirement)}" time="0"`;
  const value = `<system-out>${xml(`${outcome.path} is ${outcome.valueText}`)}</system-out>`;
  if (outcome.holds) return `${head}>${value}</testcase>`;
  return `${head}><failure type="requirement" message="${xml(failureSentence(outcome))}"/>${value}</testcase>`;
}

/** @returns requirements as a JUnit report, a test case each, as CI systems show them. */
export function junitText(source: string, outcomes: readonly CheckOutcome[]): string {
  const failed = outcomes.filter(({ holds }) => !holds).length;
  const counts = `tests="${outcomes.length}" failures="${failed}" errors="0" skipped="0"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}><testsuite name="epemu check" ${counts} time="0">`,
    ...outcomes.map((outcome) => testCase(source, outcome)),
    '</testsuite></testsuites>',
    '',
  ].join('\n');
}
