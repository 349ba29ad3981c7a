import { once } from 'node:events';
import { request as send } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'chai';
import { ListenError } from './listening.js';
import { GetServer } from './server.js';

interface Answer {
  readonly status: number;
  readonly text: string;
}

describe('the server for those who look on', () => {
  let server: GetServer;
  let port: number;

  beforeEach(async () => {
    server = new GetServer({
      what: 'the page',
      option: '--serve',
      routes: {
        '/': (_request, response) => void response.end('front'),
        '/files/': (_request, response, url) => void response.end(url.pathname),
        '/broken': () => Promise.reject(new Error('secret')),
      },
    });
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  });

  afterEach(() => server.close());

  function ask(path: string, options: { method?: string; host?: string; origin?: string } = {}): Promise<Answer> {
    const { method = 'GET', host = `127.0.0.1:${port}`, origin } = options;
    const headers = { host, ...(origin === undefined ? {} : { origin }) };
    return new Promise((resolve, reject) => {
      send({ port, path, method, host: '127.0.0.1', headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, text });
        });
      })
        .on('error', reject)
        .end();
    });
  }

  it('answers exact paths, and all below those that end in a slash', async () => {
    expect(await ask('/')).to.deep.equal({ status: 200, text: 'front' });
    expect(await ask('/files/ranks/0?x=1')).to.deep.equal({ status: 200, text: '/files/ranks/0' });
    expect((await ask('/other')).status).to.equal(404);
    expect((await ask('/hasOwnProperty')).status).to.equal(404);
  });

  it('answers no other method, and no name that is not this machine', async () => {
    expect((await ask('/', { method: 'POST' })).status).to.equal(405);
    expect((await ask('/', { host: 'evil.example' })).status).to.equal(403);
    expect((await ask('/', { host: `localhost:${port}` })).status).to.equal(200);
    expect((await ask('/', { host: ':::' })).status).to.equal(400);
  });

  it('looks at the host that is asked, whatever the path begins with', async () => {
    const paths = [
      '/',
      '//127.0.0.1/',
      '//localhost/files/x',
      '///127.0.0.1/',
      '/\\127.0.0.1/',
      '//127.0.0.1:1/files/x',
    ];
    for (const path of paths) {
      expect((await ask(path, { host: `evil.example:${port}` })).status, path).to.equal(403);
      expect((await ask(path)).status, path).to.equal(path === '/' ? 200 : 404);
    }
    expect((await ask(`http://127.0.0.1:${port}/`, { host: 'evil.example' })).status).to.equal(400);
    for (const host of ['a@127.0.0.1', '127.0.0.1/', 'evil.example#127.0.0.1', '127.0.0.1:', '127.0.0.1:99999']) {
      expect((await ask('/', { host })).status, host).to.equal(400);
    }
    for (const host of ['127.0.0.1.evil.example', 'localhost.evil.example', '0.0.0.0', '[::ffff:7f00:1]']) {
      expect((await ask('/', { host })).status, host).to.equal(403);
    }
  });

  it('answers no page but its own', async () => {
    const own = `http://127.0.0.1:${port}`;
    expect((await ask('/', { origin: own })).status).to.equal(200);
    for (const origin of [
      'http://evil.example',
      'null',
      `https://127.0.0.1:${port}`,
      'http://127.0.0.1:1',
      `${own}.x`,
    ]) {
      expect((await ask('/', { origin })).status, origin).to.equal(403);
    }
  });

  /** @returns what comes back for bytes, until the server ends the connection. */
  function raw(text: string): Promise<string> {
    return new Promise((resolve) => {
      let answer = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.setEncoding('latin1').on('data', (part: string) => (answer += part));
      socket
        .on('error', () => undefined)
        .on('close', () => {
          resolve(answer);
        });
    });
  }

  it('wants one Host in each request', async () => {
    const close = 'Connection: close\r\n\r\n';
    const first = `Host: 127.0.0.1:${port}\r\n`;
    expect(await raw(`GET / HTTP/1.1\r\n${first}${close}`)).to.match(/^HTTP\/1.1 200/);
    expect(await raw(`GET / HTTP/1.1\r\n${first}Host: evil.example\r\n${close}`)).to.match(/^HTTP\/1.1 400/);
    expect(await raw(`GET / HTTP/1.1\r\n${close}`)).to.match(/^HTTP\/1.1 400/);
    expect(await raw(`GET / HTTP/1.0\r\n${close}`)).to.match(/^HTTP\/1.1 400/);
    expect(await raw(`GET / HTTP/1.1\r\nX: ${'x'.repeat(40_000)}`)).to.not.match(/200/);
  });

  it('answers while very many connections say nothing', async () => {
    const silent = Array.from({ length: 600 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    for (const socket of silent) socket.write('GET / HT');
    expect((await ask('/')).status).to.equal(200);
    for (const socket of silent) socket.destroy();
  });

  it('keeps reasons to itself when a handler fails', async () => {
    expect(await ask('/broken')).to.deep.equal({ status: 500, text: 'epemu could not answer\n' });
  });

  it('names address and option when the port is in use', async () => {
    const second = new GetServer({ what: 'the page', option: '--serve', routes: {} });
    const error = await second.listen({ host: '127.0.0.1', port }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ListenError);
    expect(String(error)).to.include(
      `the page cannot be served at 127.0.0.1:${port} (the port is in use); choose another --serve`,
    );
  });
});
