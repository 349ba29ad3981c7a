import { expect } from 'chai';
import { statementOf } from './run.js';

describe('what a run says is real', () => {
  const real = (fabric: 'websocket' | 'memory', kind: 'float32' | 'none'): string =>
    statementOf({ fabric, payload: { kind } }).real;

  it('names sockets and processes where there are any', () => {
    expect(real('websocket', 'float32')).to.include('processes, sockets, frames');
    expect(real('memory', 'float32'))
      .to.include('in one process')
      .and.not.to.match(/sockets|processes/);
  });

  it('names arithmetic where there is any', () => {
    expect(real('memory', 'float32')).to.include('arithmetic');
    for (const fabric of ['memory', 'websocket'] as const) {
      expect(real(fabric, 'none')).to.include('routing').and.not.to.include('arithmetic');
    }
  });
});
