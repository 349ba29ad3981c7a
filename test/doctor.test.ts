import { createServer } from 'node:http';
import { expect } from 'chai';
import { BIN, runCommand } from './support/commands.js';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

/** What `epemu doctor --json` prints, as far as these tests look at it. */
interface Diagnosis {
  readonly ok: boolean;
  readonly checks: readonly { name: string; status: string; finding: string; remedy?: string }[];
  readonly capacities: readonly { scenario: string; ranks: number }[];
}

const ENGLISH = { LC_ALL: 'C.UTF-8' };

describe('epemu doctor', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  /** Names and findings of a diagnosis that are not well. */
  const notWell = ({ checks }: Diagnosis, status: string): string[] =>
    checks.filter((check) => check.status === status).map(({ name, finding }) => `${name}: ${finding}`);

  it('finds that the default run works on the machine of these tests, and leaves nothing behind', async () => {
    const folder = temporary.path;
    const { code, stdout, stderr } = await runCli(['doctor'], ENGLISH, folder);
    expect({ code, stderr }, stdout).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.match(/^ok +compute +WebAssembly SIMD in a thread on shared memory: 64 tokens, relative error/m);
    expect(stdout).to.match(/^ok +WebSocket +there and back on loopback in \d+ µs$/m);
    expect(stdout).to.match(/^ok +runs folder +\S+ can be written, .* free$/m);
    expect(stdout).to.match(/^decode +128 +epemu run decode .*--ranks-per-worker \d+/m);
    expect(stdout).to.match(/The default run works here: epemu run\n$/);
    expect((await runCommand('ls', ['-A', folder])).stdout).to.equal('');
  });

  it('says as JSON how many processes fit into the limit of open files', async () => {
    const limited = `ulimit -n 256; exec "${BIN}/epemu" doctor --json`;
    const { code, stdout } = await runCommand('sh', ['-c', limited], ENGLISH);
    expect(code, stdout).to.equal(0);
    const { checks, capacities } = JSON.parse(stdout) as Diagnosis;
    const { finding } = checks.find(({ name }) => name === 'open files')!;
    expect(finding).to.equal('a process may have 256 open, the default run needs 80');
    // 128 workers would take 3 files each; 64 do beside the 32 of the process itself.
    expect(capacities[0]).to.deep.include({ scenario: 'decode', ranks: 128, ranksPerWorker: 2, workers: 64 });
  });

  it('names the process that has a port', async () => {
    const server = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      server.once('error', () => {
        resolve(false);
      });
      server.listen(9464, '127.0.0.1', () => {
        resolve(true);
      });
    });
    try {
      const diagnosis = JSON.parse((await runCli(['doctor', '--json'], ENGLISH)).stdout) as Diagnosis;
      const [finding = ''] = notWell(diagnosis, 'warning').filter((text) => text.startsWith('port 9464'));
      const owner = taken ? `by process ${process.pid} (node)` : 'by process ';
      expect(finding).to.include(`in use ${owner}`);
    } finally {
      server.close();
    }
  });

  it('finds no folder for runs where nothing can be written', async () => {
    const { code, stdout } = await runCli(['doctor'], ENGLISH, '/proc');
    expect(code).to.equal(1);
    expect(stdout).to.match(
      /^problem +runs folder +.*\n +→ call epemu in a folder that can be written, or give --out$/m,
    );
    expect(stdout).to.match(/does not work here until the problems above are mended\.\n$/);
  });

  it('warns of a terminal without UTF-8 and of a machine without setpriv', async () => {
    const { stdout } = await runCli(['doctor', '--json'], { LC_ALL: 'C', PATH: temporary.path });
    expect(notWell(JSON.parse(stdout) as Diagnosis, 'warning')).to.include.members([
      ...['setpriv: not found', 'terminal: the locale is C'],
    ]);
  });
});
