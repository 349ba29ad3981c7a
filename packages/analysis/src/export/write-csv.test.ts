import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { madeSet, withFolder } from './made-set.test-helper.js';
import type { Step } from './made-set.test-helper.js';
import { writeCsv } from './write-csv.js';

const COMPUTE: Step = { kind: 'compute', ns: [1234, 2500] };
const EXCHANGE: Step = { kind: 'exchange', split: false, bytes: undefined, ns: 7000 };

async function tablesOf(steps: readonly Step[], present?: readonly number[]): Promise<Map<string, string>> {
  const tables = new Map<string, string>();
  await withFolder(async (folder) => {
    const { files } = await writeCsv(madeSet(2, steps, present), join(folder, 'out'));
    for (const path of files) tables.set(path.slice(join(folder, 'out/').length), readFileSync(path, 'utf8'));
  });
  return tables;
}

describe('CSV files', () => {
  it('are six, each with a header and LF after every line', async () => {
    const tables = await tablesOf([COMPUTE, EXCHANGE]);
    expect([...tables].map(([name, text]) => `${name} ${text.split('\n').length - 2}`)).to.deep.equal([
      'phases.csv 6',
      'kernels.csv 6',
      'phase-summary.csv 3',
      'kernel-summary.csv 3',
      'collectives.csv 1',
      'ranks.csv 2',
    ]);
    for (const text of tables.values()) expect(text).to.match(/\n$/).and.not.include('\r');
  });

  it('give µs with three decimals', async () => {
    const tables = await tablesOf([COMPUTE, EXCHANGE]);
    expect(tables.get('kernels.csv')!.split('\n').slice(0, 4)).to.deep.equal([
      'rank,stream,phase,name,class,category,start_us,end_us,duration_us,launch_us',
      '0,7,of gemm,gemm,compute,gemm,0.000,1.234,1.234,',
      '0,27,of deep_ep::internode::notify_dispatch,deep_ep::internode::notify_dispatch,communication,notify,1.234,3.000,1.766,',
      '0,27,of deep_ep::internode::dispatch,deep_ep::internode::dispatch,communication,dispatch,3.000,10.000,7.000,',
    ]);
    expect(tables.get('phases.csv')!.split('\n').slice(0, 3)).to.deep.equal([
      'rank,phase,layer,stream,start_us,end_us,wall_us,busy_us,exposed_us',
      '0,of gemm,,7,0.000,1.234,1.234,1.234,0.000',
      '0,of deep_ep::internode::notify_dispatch,,27,1.234,3.000,1.766,1.766,1.766',
    ]);
    expect(tables.get('collectives.csv')!.split('\n')[1]).to.equal(
      '0,of deep_ep::internode::dispatch,,1.234,0,1,1.266,1.266,1.133',
    );
  });

  it('say which rank came last, negative lateness as a number', async () => {
    const [header, first, second] = (await tablesOf([COMPUTE, EXCHANGE])).get('ranks.csv')!.split('\n');
    expect(header).to.match(/,times_last,times_last_pct,mean_late_us,straggler$/);
    expect(first).to.match(/,0,0,-0\.633,false$/);
    expect(second).to.match(/,1,100,0\.633,false$/);
  });

  it('quote names with commas, quotes and line ends, and disarm formulas', async () => {
    const names = ['void f<int, 4>("x")', 'two\nlines', '=HYPERLINK("a")', '-1+2', '@SUM(A1)'];
    const text = (await tablesOf(names.map((name) => ({ ...COMPUTE, name })))).get('kernel-summary.csv')!;
    expect(text).to.include('\n"void f<int, 4>(""x"")",compute,');
    expect(text).to.include('\n"two\nlines",compute,');
    expect(text).to.include('\n"\'=HYPERLINK(""a"")",compute,');
    expect(text).to.include("\n'-1+2,compute,");
    expect(text).to.include("\n'@SUM(A1),compute,");
  });

  it('of one rank know of no lateness, and a note says so', () =>
    withFolder(async (folder) => {
      const { notes } = await writeCsv(madeSet(2, [COMPUTE, EXCHANGE], [1]), join(folder, 'out'));
      expect(notes).to.have.length(1);
      const ranks = readFileSync(join(folder, 'out', 'ranks.csv'), 'utf8').split('\n');
      expect(ranks[1]).to.match(/^1,.*,,,,,,$/);
    }));
});
