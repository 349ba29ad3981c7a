import { expect } from 'chai';
import { deferred } from './deferred.js';
import {
  BadInputError,
  EXIT_CODE,
  EpemuError,
  InvariantError,
  NoProgressError,
  RankFailedError,
  messageOf,
} from './errors.js';

describe('errors', () => {
  it('carry the exit code of their kind and their own name', () => {
    const cause = new Error('deeper');
    const errors = [
      new EpemuError('m'),
      new InvariantError('m'),
      new BadInputError('ranks', 'm', { cause }),
      new RankFailedError('m', { ranks: [3], pid: 7 }),
      new NoProgressError('m'),
      new EpemuError('m', EXIT_CODE.interrupted),
    ];
    expect(errors.map(({ name, exitCode }) => [name, exitCode])).to.deep.equal([
      ['EpemuError', 1],
      ['InvariantError', 1],
      ['BadInputError', 2],
      ['RankFailedError', 3],
      ['NoProgressError', 4],
      ['EpemuError', 130],
    ]);
    for (const error of errors) expect(error).to.be.instanceOf(EpemuError).and.instanceOf(Error);
  });

  it('keep what they know: the field, the failed worker, the cause', () => {
    const cause = new Error('deeper');
    const bad = new BadInputError('ranks', 'm', { cause });
    expect([bad.field, bad.cause]).to.deep.equal(['ranks', cause]);
    expect(new RankFailedError('m', { ranks: [3], pid: 7 }).detail).to.deep.equal({ ranks: [3], pid: 7 });
  });
});

describe('messageOf', () => {
  it('tells the message of errors and the text of whatever else was thrown', () => {
    expect(messageOf(new Error('told'))).to.equal('told');
    expect([messageOf('text'), messageOf(undefined), messageOf(7)]).to.deep.equal(['text', 'undefined', '7']);
  });
});

describe('deferred', () => {
  it('is settled from outside, by the first call', async () => {
    const answer = deferred<number>();
    answer.resolve(1);
    answer.resolve(2);
    answer.reject(new Error('too late'));
    expect(await answer.promise).to.equal(1);
  });

  it('may be rejected with nobody waiting, and still tells who asks later', async () => {
    const answer = deferred<number>();
    answer.reject(new Error('gone'));
    await Promise.resolve();
    const told = await answer.promise.catch(messageOf);
    expect(told).to.equal('gone');
  });
});
