import { expect } from 'chai';
import fc from 'fast-check';
import { box, anyPicture, trainingLayer } from './layer.test-helper.js';
import { PLOT } from './frame.js';
import { textWidth } from './labels.js';
import { layerSvg, standaloneLayers } from './svg.js';
import type { LayerPicture } from './picture.js';

interface Drawn {
  readonly tone: string;
  readonly title: string;
  readonly x: number;
  readonly width: number;
  readonly path: string;
  readonly lines: readonly { readonly size: number; readonly isBold: boolean; readonly text: string }[];
}

/** Boxes of an SVG: the outline starts at the upper left and runs to the right first. */
function boxesOf(svg: string): Drawn[] {
  const boxes = svg.matchAll(
    /<g class="box" data-tone="(\w+)"><title>(.*?)<\/title>\s*<path d="(.*?)"[^>]*\/>(.*?)<\/g>/gs,
  );
  return [...boxes].map(([, tone, title, path, content]) => {
    const [, x, right] = /^M([-\d.]+) [-\d.]+H([-\d.]+)/.exec(path)!;
    const lines = [...content.matchAll(/font-size="([\d.]+)"([^>]*)>([^<]*)</g)].map(([, size, attributes, text]) => ({
      ...{ size: Number(size), isBold: attributes.includes('600'), text },
    }));
    return { tone, title, path, lines, x: Number(x), width: Number(right) - Number(x) };
  });
}

const gateCount = (svg: string): number => svg.split('<g class="gate">').length - 1;

function oneRow(...boxes: LayerPicture['rows'][number]['boxes']): LayerPicture {
  return { title: 'one', startNs: 0, endNs: 1_000_000, rows: [{ kind: 'computation', sms: 132, boxes }], gates: [] };
}

describe('layerSvg', () => {
  const drawn = boxesOf(layerSvg(trainingLayer()));
  const named = (name: string): Drawn => drawn.find(({ title }) => title.startsWith(name))!;

  it('draws boxes to scale', () => {
    const perUs = (PLOT.right - PLOT.left) / 10_000;
    expect(drawn).to.have.length(10);
    expect(named('mlp(B)').x).to.be.closeTo(PLOT.left + 2000 * perUs, 0.1);
    expect(named('mlp(B)').width).to.be.closeTo(2000 * perUs, 0.1);
    expect(named('attn(B)').width).to.be.closeTo(1450 * perUs, 0.1);
  });

  it('cuts boxes that begin before the layer or end after it, and tears their edge', () => {
    expect(named('combine(B)').x).to.equal(PLOT.left);
    expect(named('combine(F)').x + named('combine(F)').width).to.be.closeTo(PLOT.right, 0.1);
    const edges = (name: string): number => named(name).path.split('L').length - 1;
    expect(edges('combine(B)')).to.equal(8);
    expect(edges('combine(F)')).to.equal(8);
    expect(edges('dispatch(F)')).to.equal(0);
  });

  it('draws a shorter layer narrower, to the scale of the one that it is set beside', () => {
    const long = { ...trainingLayer(), endNs: 21_000_000 };
    const beside = boxesOf(layerSvg(trainingLayer(), [trainingLayer(), long]));
    expect(beside.find(({ title }) => title.startsWith('mlp(B)'))!.width).to.be.closeTo(
      boxesOf(layerSvg(long)).find(({ title }) => title.startsWith('mlp(B)'))!.width,
      0.1,
    );
    expect(layerSvg(long, [trainingLayer()])).to.equal(layerSvg(long));
  });

  it('leaves out boxes outside the layer', () => {
    expect(boxesOf(layerSvg(oneRow(box('before', -10, 0), box('after', 1000, 1010))))).to.deep.equal([]);
  });

  it('colours boxes by their tone', () => {
    expect(named('attn(F)').tone).to.equal('orange');
    expect(named('mlp(W)').tone).to.equal('green');
    expect(named('PP(F)').tone).to.equal('violet');
    expect(layerSvg(trainingLayer())).to.contain('fill="var(--violet, #b9a3d9)"');
  });

  it('says name, start, duration and exposure of each box', () => {
    expect(named('combine(F)').title).to.equal('combine(F): starts at 7500 µs, takes 3500 µs, 1000 µs exposed');
  });

  it('draws an arrow per gate, but none between neighbours of a row', () => {
    expect(gateCount(layerSvg(trainingLayer()))).to.equal(3);
  });

  it('draws a gate within a row that skips a phase, but none that skips bars alone', () => {
    const gates = [{ from: { row: 0, box: 0 }, to: { row: 0, box: 2 } }];
    const between = (kind: 'phase' | 'wait'): LayerPicture => ({
      ...oneRow(box('a', 0, 100), box('b', 100, 200, { kind }), box('c', 200, 300)),
      gates,
    });
    expect(gateCount(layerSvg(between('phase')))).to.equal(1);
    expect(gateCount(layerSvg(between('wait')))).to.equal(0);
  });

  it('draws no gate whose ends the layer does not show', () => {
    const gates = [{ from: { row: 0, box: 7 }, to: { row: 1, box: 0 } }];
    expect(gateCount(layerSvg({ ...trainingLayer(), gates }))).to.equal(0);
  });

  it('marks exposed stretches', () => {
    const bands = [...layerSvg(trainingLayer()).matchAll(/class="exposed" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)];
    const tenth = (PLOT.right - PLOT.left) / 10;
    expect(bands).to.have.length(1);
    expect(Number(bands[0][1])).to.be.closeTo(PLOT.left + 7.5 * tenth, 0.1);
    expect(Number(bands[0][2])).to.be.closeTo(tenth, 0.1);
  });

  it('marks no stretch too short to be seen', () => {
    const exposed = [{ startNs: 100, endNs: 600 }];
    expect(layerSvg(oneRow(box('short', 0, 900, { exposed })))).not.to.contain('class="exposed"');
  });

  it('names a row with its SMs', () => {
    const svg = layerSvg(trainingLayer());
    expect(svg).to.contain('computation · 112 SMs: attn(F) 2000 µs');
    expect(svg).to.contain('>20 SMs</text>');
  });

  it('names narrow boxes and bars outside them, and numbers those that have no room there', () => {
    const svg = layerSvg(oneRow(box('narrow', 10, 20), box('issue X', 400, 405, { kind: 'issue' })));
    expect(svg).to.contain('>narrow 10 µs</text>').and.to.contain('>issue X 5 µs</text>');
    const row = { kind: 'communication', sms: 20, boxes: [box('a name too long', 10, 50)] } as const;
    const three = layerSvg({ ...oneRow(), rows: [row, row, row] });
    expect(three).to.contain('>1</text>').and.to.contain('>1  a name too long 40 µs</text>');
  });

  it('names every phase, however narrow and however many', () => {
    const boxes = Array.from({ length: 12 }, (_, index) => box(`phase ${index}`, 300 + index * 2, 302 + index * 2));
    const row = { kind: 'communication', sms: 20, boxes } as const;
    const svg = layerSvg({ ...oneRow(), rows: [row, row, row] });
    const texts = [...svg.matchAll(/<text [^>]*>([^<]*)</g)].map(([, text]) => text);
    for (const { phase } of boxes)
      expect(
        texts.filter((text) => text.includes(`${phase} `)),
        phase,
      ).to.have.length.at.least(3);
  });

  it('escapes hostile names', () => {
    const name = `</title><script>alert("1")</script>&'\u0000\u001b[31m\u202e`;
    const svg = layerSvg({ ...oneRow(box(name, 0, 900)), title: name });
    expect(svg)
      .not.to.contain('<script')
      .and.not.to.match(/[\u0000\u001b\u202e]/);
    expect(svg).to.contain('&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;[31m');
  });

  it('keeps text within its box, whatever the picture', () => {
    fc.assert(
      fc.property(anyPicture(), (picture) => {
        for (const { width, lines } of boxesOf(layerSvg(picture))) {
          for (const { text, size, isBold } of lines) {
            const plain = text.replace(/&(?:amp|lt|gt|quot|#39);/g, '(');
            expect(textWidth(plain, size, isBold)).to.be.at.most(width + 0.2);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('has no number that is none, whatever the picture', () => {
    const numbers = /(?:[dxy]|width|height|viewBox)="[^"]*(?:NaN|Infinity|undefined)/;
    fc.assert(fc.property(anyPicture(), (picture) => !numbers.test(layerSvg(picture))));
  });

  it('is the same each time', () => {
    expect(layerSvg(trainingLayer())).to.equal(layerSvg(trainingLayer()));
  });

  it('has no ids, that several may stand on a page', () => {
    expect(layerSvg(trainingLayer())).not.to.match(/\sid=/);
  });
});

describe('a picture that stands alone', () => {
  const { svg, width, height } = standaloneLayers([trainingLayer()], 'light');

  it('has namespace, size, a generic font and a background, and needs no variables and no styles', () => {
    expect(svg).to.match(
      /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="1120" height="\d+" viewBox="0 0 1120 \d+" /,
    );
    expect(svg)
      .to.contain('font-family="sans-serif"')
      .and.contain(`<rect width="${width}" height="${height}" fill="#ffffff"/>`);
    expect(svg).not.to.match(/var\(|<style|class="[^"]*" style=|url\(|href=/);
  });

  it('is dark where it is asked to be, and follows the reader where it may', () => {
    const dark = standaloneLayers([trainingLayer()], 'dark').svg;
    expect(dark)
      .to.contain('fill="#0d1117"')
      .and.not.match(/#ffffff|var\(|@media/);
    const auto = standaloneLayers([trainingLayer()], 'auto').svg;
    expect(auto.replace(/<style>.*<\/style>\n/, '')).to.equal(svg);
    expect(auto).to.contain('@media (prefers-color-scheme:dark){').and.contain('[fill="#ffffff"]{fill:#0d1117}');
  });

  it('has every box that the page has', () => {
    fc.assert(
      fc.property(anyPicture(), (picture) => {
        expect(boxesOf(standaloneLayers([picture], 'light').svg)).to.have.length(boxesOf(layerSvg(picture)).length);
      }),
    );
  });

  it('has several layers below each other, to the scale of the longest', () => {
    const long = { ...trainingLayer(), title: 'long', endNs: 21_000_000 };
    const both = standaloneLayers([trainingLayer(), long], 'light');
    expect(both.height).to.be.greaterThan(2 * height - 2);
    expect([...both.svg.matchAll(/<g transform="translate\(0 ([\d.]+)\)">/g)]).to.have.length(2);
    const [first] = boxesOf(both.svg);
    expect(first.width).to.be.lessThan(boxesOf(svg)[0].width);
  });

  it('keeps a name that reads like a colour as it is', () => {
    const picture = oneRow(box(`x="var(--ink, #1f2328)"`, 0, 500));
    expect(standaloneLayers([picture], 'dark').svg).to.contain('x=&quot;var(--ink, #1f2328)&quot;');
  });
});
