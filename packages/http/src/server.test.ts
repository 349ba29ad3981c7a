import { request as send } from 'node:http';
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

  function ask(path: string, options: { method?: string; host?: string } = {}): Promise<Answer> {
    const { method = 'GET', host = `127.0.0.1:${port}` } = options;
    return new Promise((resolve, reject) => {
      send({ port, path, method, host: '127.0.0.1', headers: { host } }, (response) => {
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
