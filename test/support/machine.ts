import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from './processes.js';

/** Between two looks at a machine that is being set up, which takes a minute or two. */
const POLL_MS = 500;

/*
 * What looks for a program of the machine imports this first: where the process that EPEMU_TESTS_WAIT_FOR names is still
 * setting the machine up beside the tests, that program may only be on its way.
 */
const settingUp = Number(process.env['EPEMU_TESTS_WAIT_FOR'] ?? 0);
while (settingUp > 0 && isAlive(settingUp)) await delay(POLL_MS);
