import { statSync } from 'node:fs';
import { BadInputError, messageOf, readRegularFile } from '@epemu/core';
import { isLoopback } from '@epemu/http';

/** What a worker's greeting has room for. */
const MOST_TOKEN_CHARACTERS = 256;
/** Fewer can be guessed by whoever can try as often as they like. */
const FEWEST_TOKEN_CHARACTERS = 12;
/** A token and line breaks. */
const TOKEN_FILE = { what: 'it', variable: 'EPEMU_MOST_TOKEN_FILE_BYTES', most: 4096 };
/** Bits of a mode that let others than the owner in. */
const OTHERS = 0o077;

/**
 * @param file of `--token-file`; undefined for `EPEMU_TOKEN`.
 * @param host the address at which the token is to keep others out: one that only this machine reaches asks for less.
 * @returns the token from a file or the environment, never from argv, where every user of the host can read it; undefined
 * where none is given.
 * @throws BadInputError for a token that keeps nobody out, that others can read, or that no worker could say.
 */
export function tokenFrom(file: string | undefined, host: string): string | undefined {
  if (file === undefined) return checkedToken('EPEMU_TOKEN', process.env['EPEMU_TOKEN'], host);
  const source = `--token-file ${file}`;
  let text: string;
  let mode: number;
  try {
    text = readRegularFile(file, TOKEN_FILE).toString().trim();
    ({ mode } = statSync(file));
  } catch (error) {
    throw new BadInputError('--token-file', `${source} cannot be read (${messageOf(error)})`);
  }
  if ((mode & OTHERS) !== 0 && !isLoopback(host)) {
    const shown = (mode & 0o777).toString(8).padStart(4, '0');
    const problem = `${source} has mode ${shown}, which lets others than you at the token of ${host}`;
    throw new BadInputError('--token-file', `${problem}; make it yours alone (chmod 600)`);
  }
  return checkedToken(source, text, host);
}

function checkedToken(source: string, token: string | undefined, host: string): string | undefined {
  if (token === undefined) return undefined;
  if (token === '') throw new BadInputError(source, `${source} holds no token; write one into it`);
  const length = `${source} has a token of ${token.length} characters`;
  if (token.length > MOST_TOKEN_CHARACTERS) {
    throw new BadInputError(source, `${length}, but it must have at most ${MOST_TOKEN_CHARACTERS}`);
  }
  if (token.length < FEWEST_TOKEN_CHARACTERS && !isLoopback(host)) {
    const least = `but at ${host}, which others reach, it must have at least ${FEWEST_TOKEN_CHARACTERS}`;
    throw new BadInputError(source, `${length}, ${least}; make one by: openssl rand -hex 16`);
  }
  return token;
}
