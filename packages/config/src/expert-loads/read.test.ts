import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { readExpertLoads } from './read.js';

const folder = mkdtempSync(join(tmpdir(), 'epemu-loads-'));
function fileOf(text: string): string {
  const path = join(folder, 'loads');
  writeFileSync(path, text);
  return path;
}
const layersOf = (text: string): readonly (readonly number[])[] => readExpertLoads(fileOf(text)).layers;

/** @returns what a refusal says behind the file's name. */
function refusal(text: string): string {
  try {
    layersOf(text);
  } catch (error) {
    expect(error).to.be.instanceOf(BadInputError);
    return (error as BadInputError).message.replace(`${folder}/loads`, 'loads');
  }
  throw new Error(`${text} was read`);
}

describe('a file of expert loads', () => {
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('is read from each of its forms as it was written', () => {
    const tables = fc.integer({ min: 1, max: 6 }).chain((experts) =>
      fc.array(
        fc.array(fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e12, noNaN: true })), {
          minLength: experts,
          maxLength: experts,
        }),
        { minLength: 1, maxLength: 5 },
      ),
    );
    fc.assert(
      fc.property(tables, (written) => {
        const plain = written.map((row) => row.map((load) => load + 0));
        const lines = plain.map((row) => row.join(','));
        const names = plain[0].map((_, expert) => `expert ${expert}`).join(',');
        const reversed = lines.map((line, layer) => `${layer + 3},${line}`).reverse();
        const numbers = plain[0].map((_, expert) => expert).join(',');
        const listed = plain.flatMap((row, layer) => row.map((load, expert) => `${layer},${expert},${load}`)).reverse();
        for (const text of [
          lines.join('\n'),
          `# counted on Monday\r\n${lines.join('\r\n')}\r\n\r\n`,
          `${names}\n${lines.join('\n')}`,
          `layer,${names}\n${reversed.join('\n')}`,
          `layer,${numbers}\n${reversed.join('\n')}`,
          `layer,expert,tokens\n${listed.join('\n')}`,
          JSON.stringify(plain),
          JSON.stringify({ model: 'x', logical_count: plain }, null, 1),
          JSON.stringify({ layers: plain }),
        ]) {
          // Two experts and a layer would be read as a list: their header says which it is.
          if (text.startsWith('layer,expert 0,expert 1\n')) continue;
          expect(layersOf(text), text).to.deep.equal(plain);
        }
      }),
    );
  });

  it('adds up steps', () => {
    const steps = [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [10, 20],
        [30, 40],
      ],
    ];
    expect(layersOf(JSON.stringify({ logical_count: steps }))).to.deep.equal([
      [11, 22],
      [33, 44],
    ]);
  });

  for (const [what, text, says] of [
    [
      'a negative load',
      '1,2\n3,-4\n',
      'loads, line 2: the load of layer 1, expert 1 is -4; give a number of 0 or more',
    ],
    ['a load that is missing', 'a,b\n1,2\n3\n', 'loads, line 3: the load of layer 1, expert 1 is missing'],
    ['an empty cell', '1,,3\n', 'loads, line 1: the load of layer 0, expert 1 is missing'],
    ['a word', '1,2\n\n5,many\n', 'loads, line 3: the load of layer 1, expert 1 is many'],
    ['NaN', '1,2\nNaN,1\n', 'loads, line 2: the load of layer 1, expert 0 is NaN'],
    ['infinity', '1,1e999\n', 'loads, line 1: the load of layer 0, expert 1 is Infinity'],
    ['a longer layer', '1,2\n1,2,3\n', 'loads, line 2: layer 1 has 3 experts, but layer 0 has 2'],
    ['a layer twice', 'layer,a,b,c\n3,1,2,3\n3,1,2,3\n', 'loads, line 3: layer 3 is also in line 2'],
    ['half a layer', 'layer,a,b,c\n0.5,1,2,3\n', 'loads, line 2: layer is 0.5'],
    ['an expert twice', 'layer,expert,count\n0,1,5\n0,1,6\n', 'loads, line 3: layer 0, expert 1 is there twice'],
    [
      'an expert without a line',
      'layer,expert,count\n0,1,5\n',
      'loads, line 2: the load of layer 0, expert 0 is missing',
    ],
    ['nothing', '\n', 'loads has no loads'],
    ['a negative load in JSON', '[[1, 2],\n[3, -4]]', 'loads, line 2: the load of layer 1, expert 1 is -4'],
    ['NaN in JSON', '{"loads": [\n[1, NaN]]}', 'loads, line 2: the load of layer 0, expert 1 is NaN'],
    ['null in JSON', '[[1,\nnull]]', 'loads, line 2: the load of layer 0, expert 1 is missing'],
    ['text in JSON', '[[1, "2"]]', 'loads, line 1: the load of layer 0, expert 1 is 2'],
    ['a layer that is none', '[[1, 2],\n7]', 'loads, line 2: layer 1 is 7, but it must be a list'],
    [
      'an unknown key',
      '{"counts": [[1]]}',
      'loads, line 1: none of its keys has loads; give a list of layers, or one under logical_count',
    ],
    ['a key that is no list', '{\n"loads": 7}', 'loads, line 2: loads is 7, but it must be a list'],
    ['steps that differ', '[[[1, 2]],\n[[1]]]', 'loads, line 2: step 1 has other layers'],
    ['broken JSON', '[[1, 2],\n[3, 4', 'loads, line 2: this is no JSON'],
  ] as const) {
    it(`is refused with ${what}, naming the line`, () => {
      expect(refusal(text)).to.include(says);
    });
  }

  it('is refused where it is none', () => {
    expect(() => readExpertLoads(join(folder, 'nowhere.csv'))).to.throw(
      BadInputError,
      'nowhere.csv, which cannot be read',
    );
    expect(() => readExpertLoads(folder)).to.throw(BadInputError, 'it is a folder');
  });
});
