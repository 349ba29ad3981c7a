import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'chai';
import { metricsFrom } from './catalogue.js';
import { MetricsServer } from './server.js';

const ANYWHERE = { host: '127.0.0.1', port: 0 };

describe('a metrics server', () => {
  let server: MetricsServer;
  let url: string;
  let scrapes: number;
  beforeEach(async () => {
    scrapes = 0;
    const opened = await MetricsServer.open(ANYWHERE, metricsFrom('coordinator'), () => 'running');
    server = opened.server;
    url = `http://${opened.address.host}:${opened.address.port}`;
    server.add({
      collect: (exposition) => {
        exposition.set('progress', {}, ++scrapes / 10);
      },
    });
  });
  afterEach(() => server.close());

  const scrape = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();

  it('collects at each scrape and never between', async () => {
    expect(await scrape()).to.include('epemu_run_progress_ratio 0.1');
    expect(await scrape()).to.include('epemu_run_progress_ratio 0.2');
    expect(scrapes).to.equal(2);
  });

  it('answers scrapes that come at once each by itself', async () => {
    const texts = await Promise.all(Array.from({ length: 5 }, scrape));
    const values = texts.map((text) => /^epemu_run_progress_ratio (\S+)$/m.exec(text)?.[1]);
    expect(new Set(values).size).to.equal(5);
  });

  it('says what it is at in one line', async () => {
    const response = await fetch(`${url}/healthz`);
    expect(response.status).to.equal(200);
    expect(await response.text()).to.equal('running\n');
  });

  it('lingers until its last values have been scraped, which neither an earlier scrape nor a HEAD has done', async () => {
    await scrape();
    let lingers = true;
    const lingering = server.linger(3600).then(() => {
      lingers = false;
    });
    await new Promise<void>((resolve, reject) => {
      const head = request(`${url}/metrics`, { method: 'HEAD' }, (response) => {
        response.resume().once('end', resolve);
      });
      head.once('error', reject).end();
    });
    await fetch(`${url}/healthz`);
    expect(lingers).to.equal(true);
    await scrape();
    await lingering;
    expect(lingers).to.equal(false);
  });

  it('does not take one for scraped by who gave up waiting while the process was busy', async () => {
    let lingers = true;
    const lingering = server.linger(3600).then(() => {
      lingers = false;
    });
    const { hostname, port } = new URL(url);
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        // Both are with the operating system before this process looks at its sockets again.
        socket.write(`GET /metrics HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
        socket.destroy();
      });
      socket.once('error', reject).once('close', () => {
        resolve();
      });
    });
    // The scrape has been made by now: this one comes behind it.
    await fetch(`${url}/healthz`);
    await fetch(`${url}/healthz`);
    expect([scrapes, lingers]).to.deep.equal([1, true]);
    await scrape();
    await lingering;
  });

  it('leaves nothing on a connection that scrapes on after the end', async () => {
    const warnings: string[] = [];
    const warned = ({ message }: Error): unknown => warnings.push(message);
    process.on('warning', warned);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const scrapeAgain = (): Promise<void> =>
      new Promise((resolve, reject) => {
        request(`${url}/metrics`, { agent }, (response) => {
          response.resume().once('end', resolve);
        })
          .once('error', reject)
          .end();
      });
    try {
      const lingering = server.linger(3600);
      await scrapeAgain();
      await lingering;
      for (let time = 0; time < 12; time++) await scrapeAgain();
      expect(warnings).to.deep.equal([]);
    } finally {
      process.off('warning', warned);
      agent.destroy();
    }
  });

  it('stops to linger when it is told to, or when its time is over', async () => {
    await server.linger(3600, AbortSignal.abort());
    const controller = new AbortController();
    const lingering = server.linger(3600, controller.signal);
    controller.abort();
    await lingering;
    await server.linger(0);
  });

  it('that cannot listen says where and which option to change', async () => {
    const { port } = new URL(url);
    const error: unknown = await MetricsServer.open(
      { host: '127.0.0.1', port: Number(port) },
      metricsFrom('coordinator'),
      () => '',
    ).catch((thrown: unknown) => thrown);
    expect(String(error)).to.include(`127.0.0.1:${port}`).and.include('--metrics');
  });
});
