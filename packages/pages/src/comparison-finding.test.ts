import type { Change, Comparison } from '@epemu/analysis';
import { expect } from 'chai';
import { comparisonSentence } from './comparison-finding.js';

const LAYER_US = 32_000;

function change(what: string, differenceUs: number, part: Change['part'] = 'computation'): Change {
  return { what, part, differenceUs };
}

/** The sentence of a comparison whose changes are these, the largest first. */
function sentence(
  changes: readonly Change[],
  window: 'steady' | 'all' = 'steady',
  tablesWindow: 'steady' | 'all' = window,
): string {
  const layerUs = changes.reduce((sum, { differenceUs }) => sum + differenceUs, 0);
  const none = { computeUs: 0, exposedCommUs: 0, copyUs: 0, idleUs: 0 };
  const comparison: Partial<Comparison> = {
    basis: { unit: 'layer', window, tablesWindow, transfers: true },
    changes,
    decomposition: {
      a: { layerUs: LAYER_US, ...none },
      b: { layerUs: LAYER_US + layerUs, ...none },
      difference: { layerUs, ...none },
      differencePct: (100 * layerUs) / LAYER_US,
    },
  };
  return comparisonSentence(comparison as Comparison);
}

describe('the sentence of a comparison', () => {
  it('names what changed most, and where', () => {
    expect(sentence([change('mlp(W)', 430), change('', 82, 'idle')])).to.equal(
      'B’s steady layer is 512 µs (1.60 %) longer: mostly mlp(W), +430 µs.',
    );
    expect(sentence([change('combine(B)', -300, 'exposed communication'), change('', -200, 'idle')], 'all')).to.equal(
      'B’s layer is 500 µs (1.56 %) shorter: mostly exposed communication of combine(B), −300 µs, then idle time, −200 µs.',
    );
  });

  it('names what makes up for some of it', () => {
    expect(sentence([change('mlp(W)', 430), change('attn(B)', -200)])).to.equal(
      'B’s steady layer is 230 µs (0.72 %) longer: mostly mlp(W), +430 µs; attn(B), −200 µs, makes up for some of it.',
    );
  });

  it('says where a layer as long is made of something else', () => {
    expect(sentence([change('mlp(W)', 430), change('attn(B)', -430)])).to.equal(
      'B’s steady layer is as long as A’s, but what it is made of differs by more: mlp(W), +430 µs; attn(B), −430 µs.',
    );
    expect(sentence([change('mlp(W)', 430), change('', -420, 'exposed communication')])).to.equal(
      'B’s steady layer is 10.0 µs (0.03 %) longer, but what it is made of differs by more: ' +
        'mlp(W), +430 µs; exposed communication of no phase, −420 µs.',
    );
  });

  it('does not blame what is left over where phases are of other layers than the layer is', () => {
    const changes = [change('', 900), change('', -600, 'exposed communication'), change('mlp(W)', 430)];
    expect(sentence(changes, 'steady', 'all')).to.equal(
      'B’s steady layer is 730 µs (2.28 %) longer: mostly mlp(W), +430 µs.',
    );
  });

  it('says that nothing differs where nothing does beyond rounding', () => {
    const same = 'A and B do not differ beyond rounding: a steady layer takes 32.00 ms in both.';
    expect(sentence([])).to.equal(same);
    expect(sentence([change('mlp(W)', 0.4), change('attn(B)', -0.4)])).to.equal(same);
  });
});
