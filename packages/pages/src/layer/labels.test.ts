import { expect } from 'chai';
import fc from 'fast-check';
import { frameOf } from './frame.js';
import { cutText, flagExtent, SMALL_SIZE, textWidth } from './labels.js';
import { roundTicks } from './scale.js';
import { anyPicture } from './layer.test-helper.js';

describe('labels of a layer', () => {
  it('lie neither on each other nor across a leader, whatever the picture', () => {
    fc.assert(
      fc.property(anyPicture(), (picture) => {
        for (const { labels } of frameOf(picture).rows) {
          for (const flag of labels.flags) {
            const [left, right] = flagExtent(flag);
            const others = labels.flags.filter((other) => other !== flag);
            for (const other of others.filter(({ level }) => level === flag.level)) {
              const [otherLeft, otherRight] = flagExtent(other);
              expect(left >= otherRight || otherLeft >= right).to.equal(true);
            }
            for (const { x } of others.filter(({ level }) => level > flag.level)) {
              expect(x <= left || x >= right).to.equal(true);
            }
          }
        }
      }),
    );
  });

  it('are cut with an ellipsis to the room that they have', () => {
    const long = 'a name that goes on and on';
    expect(cutText(long, SMALL_SIZE, 1000)).to.equal(long);
    expect(cutText(long, SMALL_SIZE, 60)).to.match(/^a nam.*…$/);
    expect(textWidth(cutText(long, SMALL_SIZE, 60), SMALL_SIZE)).to.be.at.most(60);
    expect(cutText(long, SMALL_SIZE, 1)).to.equal('');
  });
});

describe('roundTicks', () => {
  it('gives round steps from 0 to the end, no more than wanted', () => {
    expect(roundTicks(1_467_000, 9)).to.deep.equal([0, 2e5, 4e5, 6e5, 8e5, 1e6, 1.2e6, 1.4e6]);
    expect(roundTicks(1, 9)).to.deep.equal([0, 1]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), fc.integer({ min: 1, max: 20 }), (span, most) => {
        const ticks = roundTicks(span, most);
        expect(ticks.length).to.be.at.most(most + 1);
        expect(ticks.at(-1)).to.be.at.most(span);
      }),
    );
  });
});
