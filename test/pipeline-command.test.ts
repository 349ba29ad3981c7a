import { expect } from 'chai';
import { runCli } from './support/run-cli.js';

const UNIT = ['--unit', 'F=1,B=2,W=1,FB=3'];

describe('epemu run pipeline', () => {
  it('draws who works on what, as DualPipe’s README does, and says the bubble beside the published one', async () => {
    const { code, stdout, stderr } = await runCli(['run', 'pipeline', ...UNIT]);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines.every((line) => line.length <= 140)).to.equal(true);
    // The first ranks of the picture, up to where device 0 waits for its first gradient.
    expect(lines.find((line) => line.startsWith('rank 0'))).to.include(
      'f0f1f2f3f4f5f6f0i0w0f1i1w1f2i2w2f3f7·b3·      f4',
    );
    expect(lines.find((line) => line.startsWith('rank 3'))).to.match(/^rank 3 {8}f0f0f1f1f2f2f3f3f4b0··f4·b0·/);
    expect(stdout).to.include('The step takes 66; the largest bubble is 6, published (P/2 - 1)(F&B + B - 3W) = 6');
  });

  it('gives scripts the makespan, and the bubble of each rank', async () => {
    const size = ['--schedule', '1f1b', '--pp', '4', '--micro-batches', '8'];
    const { code, stdout } = await runCli(['run', 'pipeline', ...size, ...UNIT, '--json']);
    expect(code).to.equal(0);
    const found = JSON.parse(stdout) as { cells: unknown[][] };
    expect(found).to.deep.include({ makespan: 33, bubbles: [9, 9, 9, 9], activations: [4, 3, 2, 1] });
    expect(found.cells.map((own) => own.length)).to.deep.equal([16, 16, 16, 16]);
  });
});
