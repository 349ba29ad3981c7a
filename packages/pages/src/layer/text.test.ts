import { expect } from 'chai';
import fc from 'fast-check';
import { anyPicture, box, trainingLayer } from './layer.test-helper.js';
import { layerText } from './text.js';

const plain = (columns: number): string[] => layerText(trainingLayer(), { columns, colour: false }).split('\n');
/** A text without its colour sequences. */
const uncoloured = (text: string): string => text.replace(/\x1b\[[\d;]*m/g, '');

describe('layerText', () => {
  it('draws the rows with names and µs where they fit, and other names below', () => {
    expect(plain(100)).to.deep.equal([
      'train, 64 ranks: layer 1 of rank 0 · 10000 µs',
      'computation     [attn(F) 2000   ][mlp(B) 2000    ][mlp(W)    ][mlp(F) 2000    ]        [attn(B)   ]|',
      '112 SMs                                                                                      attn(W)',
      'communication   <combine(B) ]    [          ]     [PP(F) ]                     [combine(F) 3500    >',
      '20 SMs                           dispatch(F)',
      'exposed                                                                        !!!!!!!!',
      'µs              └0               └2000            └4000           └6000            └8000      10000┘',
      '',
    ]);
  });

  it('draws boxes to scale', () => {
    const line = plain(116)[1];
    // 100 columns for 10000 µs.
    expect(line.indexOf('[mlp(B)')).to.equal(16 + 20);
    expect(line.indexOf('[attn(B)')).to.equal(16 + 85);
  });

  it('draws issues and waits as arrows, and gives a short box a column', () => {
    const boxes = [
      box('issue X', 0, 1, { kind: 'issue' }),
      box('tiny', 1, 2),
      box('wait X', 2, 3, { kind: 'wait' }),
      box('long', 3, 1000),
    ];
    const picture = {
      title: 't',
      startNs: 0,
      endNs: 1e6,
      rows: [{ kind: 'computation' as const, sms: 1, boxes }],
      gates: [],
    };
    expect(layerText(picture, { columns: 60, colour: false }).split('\n')[1]).to.match(
      /^computation {5}↓\|↑\[long 997 +\]$/,
    );
  });

  it('names boxes without room by a letter, below the picture', () => {
    const boxes = Array.from({ length: 4 }, (_, index) => box(`combine ${index}`, 400 + index * 5, 405 + index * 5));
    const picture = {
      ...{ title: 't', startNs: 0, endNs: 1e6, gates: [] },
      rows: [{ kind: 'computation' as const, sms: 1, boxes }],
    };
    const lines = layerText(picture, { columns: 60, colour: false }).split('\n');
    expect(lines[1]).to.match(/^computation +\|a[|b]/);
    expect(lines.slice(-3).join('\n')).to.match(/a combine \d 5 µs {3}b combine \d 5 µs/);
  });

  it('has no line wider than its columns, whatever the picture', () => {
    fc.assert(
      fc.property(anyPicture(), fc.integer({ min: 60, max: 200 }), fc.boolean(), (picture, columns, colour) => {
        const lines = uncoloured(layerText(picture, { columns, colour })).split('\n');
        for (const line of lines) expect(Array.from(line)).to.have.length.at.most(columns);
      }),
    );
  });

  it('lets no control character through, and no ANSI sequence without colour', () => {
    fc.assert(
      fc.property(anyPicture(), fc.boolean(), (picture, colour) => {
        const text = layerText(picture, { columns: 80, colour });
        expect((colour ? uncoloured(text) : text).replaceAll('\n', '')).not.to.match(/\p{C}/u);
      }),
    );
    const hostile = { ...trainingLayer(), title: '\x1b[2J\r\x9b31mtitle\u202e' };
    expect(layerText(hostile, { columns: 80, colour: false })).to.match(/^\[2J31mtitle · /);
  });

  it('colours the same text', () => {
    const coloured = layerText(trainingLayer(), { columns: 80, colour: true });
    expect(coloured).to.contain('\x1b[0;48;5;215;38;5;16m[attn(F)').and.to.contain('48;5;183');
    const trimmed = uncoloured(coloured)
      .split('\n')
      .map((line) => line.trimEnd());
    expect(trimmed).to.deep.equal(plain(80));
  });

  it('is the same each time', () => {
    expect(plain(120)).to.deep.equal(plain(120));
  });
});
