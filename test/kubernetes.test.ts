import { mkdirSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { findCommand } from '@epemu/cluster';
import { expect } from 'chai';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { Service } from 'kubernetes-models/v1/Service';
import { PROJECT, runCommand } from './support/commands.js';
import { small } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import { checked, documentsOf, listedIn } from './support/manifests.js';
import type { Manifest } from './support/manifests.js';
import { freePort } from './support/processes.js';
import { CliProcess } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const FOLDER = join(PROJECT, 'deploy/kubernetes');
const SECRET = { name: 'epemu-token', key: 'token' };

/** What a kind of object is called by, and what is its. */
interface Named {
  readonly metadata?: { name?: string; labels?: Record<string, string> };
}

function named<T extends Named>(objects: readonly T[], name: string): T {
  const found = objects.find(({ metadata }) => metadata?.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

const pods = ({ spec }: Job): NonNullable<NonNullable<Job['spec']>['template']['spec']> => spec!.template.spec!;
const matches = (selector: Record<string, string> = {}, labels: Record<string, string> = {}): boolean =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);

describe('the Kubernetes manifests', () => {
  const objects = listedIn(join(FOLDER, 'monitoring')).map(checked);
  const jobs = objects.filter((object) => object instanceof Job);
  const services = objects.filter((object) => object instanceof Service);
  const monitors = objects.filter((object) => object instanceof ServiceMonitor);
  const coordinator = named(jobs, 'epemu-coordinator');
  const workers = named(jobs, 'epemu-workers');
  const temporary = new TemporaryFolder();

  after(() => {
    temporary.remove();
  });

  /** Variables with a value of their own, by name. */
  const environmentOf = (job: Job): Record<string, string> =>
    Object.fromEntries(
      pods(job).containers.flatMap(({ env = [] }) =>
        env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
      ),
    );

  it('are of the published schemas, two Jobs, two Services and a ServiceMonitor, and none is left out', () => {
    expect([jobs.length, services.length, monitors.length, objects.length]).to.deep.equal([2, 2, 1, 5]);
    const files = ['base', 'monitoring'].flatMap((folder) => readdirSync(join(FOLDER, folder)));
    expect(files.filter((file) => file !== 'kustomization.yaml').sort()).to.deep.equal([
      ...['coordinator.yaml', 'service-monitor.yaml', 'workers.yaml'],
    ]);
  });

  it('would be refused with a wrong type, a field that is not there, and one that is misspelt', () => {
    const broken = (change: (job: Record<string, unknown>) => void): (() => unknown) => {
      const copy = structuredClone(workers.toJSON()) as { spec: Record<string, unknown> };
      change(copy.spec);
      return () => checked(copy);
    };
    expect(broken(() => undefined)).not.to.throw();
    expect(broken((spec) => (spec['completions'] = 'sixteen'))).to.throw(/spec\/completions must be integer/);
    expect(broken((spec) => delete spec['template'])).to.throw(/must have required property/);
    expect(broken((spec) => (spec['backofLimit'] = 0))).to.throw('Job has no .spec.backofLimit');
  });

  it('select with each Service the pods of one Job, whose ports have the names that it asks for', () => {
    for (const { metadata, spec } of services) {
      const selected = jobs.filter((job) => matches(spec?.selector, job.spec?.template.metadata?.labels));
      expect(selected.map((job) => job.metadata?.name)).to.deep.equal([metadata?.name]);
      const ports = pods(selected[0]).containers.flatMap((container) => container.ports ?? []);
      for (const { targetPort, port } of spec?.ports ?? []) {
        const found = ports.filter(({ name }) => name === targetPort);
        expect(
          found.map(({ containerPort }) => containerPort),
          String(targetPort),
        ).to.deep.equal([port]);
      }
    }
  });

  it('have both Services scraped, at a port that they have', () => {
    const [{ spec }] = monitors;
    const scraped = services.filter(({ metadata }) => matches(spec?.selector.matchLabels, metadata?.labels));
    expect(scraped).to.have.length(2);
    for (const { port } of spec?.endpoints ?? []) {
      for (const service of scraped) expect(service.spec?.ports?.map(({ name }) => name)).to.include(port);
    }
  });

  it('name probes’ ports, volumes and the Service of the workers’ names as they are declared', () => {
    for (const job of jobs) {
      const { containers, volumes = [] } = pods(job);
      for (const { ports = [], volumeMounts = [], ...container } of containers) {
        const probes = [container.readinessProbe, container.startupProbe].filter((probe) => probe !== undefined);
        expect(probes).not.to.have.length(0);
        for (const { httpGet } of probes) expect(ports.map(({ name }) => name)).to.include(httpGet?.port);
        expect(volumeMounts.map(({ name }) => name)).to.deep.equal(volumes.map(({ name }) => name));
      }
    }
    const headless = named(services, pods(workers).subdomain ?? '');
    expect(headless.spec?.clusterIP).to.equal('None');
  });

  it('take the token from one Secret, and run as nobody special on a file system that they cannot change', () => {
    for (const job of jobs) {
      const { securityContext, containers, restartPolicy } = pods(job);
      expect(securityContext).to.include({ runAsNonRoot: true, runAsUser: 1000 });
      expect([restartPolicy, job.spec?.backoffLimit]).to.deep.equal(['Never', 0]);
      for (const { env, securityContext: own, resources } of containers) {
        const token = env?.find(({ name }) => name === 'EPEMU_TOKEN');
        expect(token?.valueFrom?.secretKeyRef).to.deep.equal(SECRET);
        expect(own).to.deep.include({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
        expect(own?.capabilities?.drop).to.deep.equal(['ALL']);
        expect(resources?.limits).to.have.property('memory');
      }
    }
  });

  it('start as many workers as cover the ranks, and send them to the coordinator’s Service', () => {
    const args = pods(coordinator).containers[0].args ?? [];
    const { EPEMU_SLOTS: slots, EPEMU_COORDINATOR: url } = environmentOf(workers);
    const { completions, parallelism, completionMode } = workers.spec!;
    expect([completionMode, completions]).to.deep.equal(['Indexed', parallelism]);
    expect(Number(parallelism) * Number(slots)).to.equal(Number(args[args.indexOf('--ranks') + 1]));
    const { hostname, port } = new URL(url);
    expect(named(services, hostname).spec?.ports?.map((served) => served.port)).to.include(Number(port));
  });

  it('have command lines that run: real processes, ranks in the order of indices, the digest of any other run', async () => {
    const port = await freePort();
    const folder = temporary.fresh();
    const token = { EPEMU_TOKEN: 'token of the tests' };
    // Here all pods have one network: each port that is the same in all of them becomes any free one.
    const served = { EPEMU_SERVE: '0', EPEMU_SERVE_FOR: '0', EPEMU_METRICS: '0', EPEMU_METRICS_LINGER: '0' };
    const more = ['--port', String(port), '--out', folder, '--json', '--layers', '1', '--threads', '1'];
    const tokens = ['--tokens-per-microbatch', '32'];
    const run = new CliProcess([...(pods(coordinator).containers[0].args ?? []), ...more, ...tokens], {
      ...{ ...environmentOf(coordinator), ...token, ...served },
    });
    const address = { EPEMU_COORDINATOR: `ws://127.0.0.1:${port}` };
    const started = Array.from({ length: workers.spec?.parallelism ?? 0 }, (_, index) => {
      const environment = { ...environmentOf(workers), ...token, ...served, ...address };
      const args = pods(workers).containers[0].args ?? [];
      return new CliProcess(args, { ...environment, JOB_COMPLETION_INDEX: String(index) });
    });
    const ends = await Promise.all(started.map(({ end }) => end));
    const { code, stdout, stderr } = await run.end;
    expect(code, stderr).to.equal(0);
    ends.forEach((end, index) => {
      expect(end.code, end.stderr).to.equal(0);
      expect(end.stderr).to.include(`launched by Kubernetes: process ${index} of an Indexed Job`);
    });
    const { digest } = JSON.parse(stdout) as { digest: string };
    expect(digest).to.equal((await runLocally(small('decode', { layers: 1 }))).digest);
  });

  /** Builds a kustomization. @returns its objects, checked. */
  async function built(folder: string): Promise<Manifest[]> {
    const { code, stdout, stderr } = await runCommand('kubectl', ['kustomize', folder]);
    expect(code, stderr).to.equal(0);
    return documentsOf(stdout).map(checked);
  }

  for (const folder of ['base', 'monitoring']) {
    it(`are built by kustomize from ${folder}, with the image that it names (needs kubectl)`, async function () {
      if (findCommand('kubectl') === undefined) this.skip();
      const found = await built(join(FOLDER, folder));
      expect(found).to.have.length(listedIn(join(FOLDER, folder)).length);
      for (const job of found.filter((object) => object instanceof Job))
        expect(pods(job).containers.map(({ image }) => image)).to.deep.equal(['epemu:latest']);
    });
  }

  it('are changed by the overlay in docs/launchers.md as it says (needs kubectl)', async function () {
    if (findCommand('kubectl') === undefined) this.skip();
    const guide = readFileSync(join(PROJECT, 'docs/launchers.md'), 'utf8');
    const [, overlay = ''] = /```yaml\n([^`]*)```/.exec(guide) ?? [];
    const folder = temporary.fresh('overlay');
    mkdirSync(folder);
    const base = relative(realpathSync(folder), join(FOLDER, 'base'));
    writeFileSync(join(folder, 'kustomization.yaml'), overlay.replace('../epemu/deploy/kubernetes/base', base));
    const changed = (await built(folder)).filter((object) => object instanceof Job);
    const [coordinating, working] = ['epemu-coordinator', 'epemu-workers'].map((name) => named(changed, name));
    expect(pods(working).containers[0].image).to.equal('registry.example/epemu:0.1.0');
    expect(pods(coordinating).volumes).to.deep.equal([{ name: 'runs', persistentVolumeClaim: { claimName: 'runs' } }]);
    const { completions, parallelism } = working.spec!;
    expect(completions).to.equal(parallelism);
    const args = pods(coordinating).containers[0].args ?? [];
    const slots = Number(environmentOf(working)['EPEMU_SLOTS']);
    expect(Number(parallelism) * slots).to.equal(Number(args[args.indexOf('--ranks') + 1]));
  });
});
