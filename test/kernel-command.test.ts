import { expect } from 'chai';
import { runCli } from './support/run-cli.js';

describe('epemu kernel', () => {
  it('times an FP8 product of decode where nothing is said', async () => {
    const { code, stdout } = await runCli(['kernel']);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^gemm-fp8 on h800, m 128, n 7168, k 16384\n[\d.]+ µs, mostly memory, [\d.]+ % of/);
  });

  it('prints kind, time, bound and share of the roofline as JSON', async () => {
    const args = ['kernel', 'grouped-gemm-fp8', '--rows-per-expert', '3,5,0,128', '--n', '4096', '--k', '7168'];
    const { stdout } = await runCli([...args, '--hardware', 'b200', '--json']);
    const result = JSON.parse(stdout) as Record<string, unknown>;
    expect(result).to.include({ kind: 'grouped-gemm-fp8', hardware: 'b200', bound: 'memory' });
    expect(result['us']).to.be.within(10, 100);
    expect(result['rooflinePct']).to.be.within(20, 100);
  });

  it('lists its kinds with their sizes', async () => {
    const { stdout } = await runCli(['kernel', '--list']);
    expect(stdout).to.match(/^attention-decode +--heads --batch --length +MLA core/m);
  });

  for (const [args, sentence] of [
    [['nope'], /^epemu: there is no kernel nope; choose one of gemm-fp8, .*\n$/],
    [['gemm-bf16', '--m', '0'], /^epemu: --m is 0, but it must be a whole number from 1 to 1000000\n$/],
    [['gemm-bf16', '--heads', '3'], /^epemu: --heads is no size of gemm-bf16; it has --m, --n, --k\n$/],
    [['masked-gemm-fp8', '--rows-per-expert', '1,2,3'], /^epemu: --rows-per-expert has 3 experts; give rows for .*\n$/],
    [['masked-gemm-fp8', '--rows-per-expert', '0,0'], /^epemu: --rows-per-expert has no rows; give rows for .*\n$/],
    [['gemm-fp8', '--hardware', 'h900'], /^epemu: there is no hardware preset h900; choose one of .*\n$/],
  ] as const) {
    it(`refuses ${args.join(' ')} in a sentence`, async () => {
      const { code, stderr } = await runCli(['kernel', ...args]);
      expect([code, stderr]).to.satisfy(([, text]: [number, string]) => sentence.test(text));
      expect(code).to.equal(2);
    });
  }
});
