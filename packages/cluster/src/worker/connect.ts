import { setTimeout as delay } from 'node:timers/promises';
import { EpemuError, messageOf } from '@epemu/core';
import { WebSocket } from 'ws';
import { MAX_CONTROL_BYTES } from '../control/channel.js';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2000;

function open(url: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: MAX_CONTROL_BYTES,
      handshakeTimeout: 10_000,
      // Loopback and private networks only: a zero mask costs nothing and defends no proxy.
      generateMask: (mask) => {
        mask.fill(0);
      },
    });
    socket.once('open', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/**
 * Connects to a coordinator, with back-off until the deadline.
 * @throws EpemuError naming the address when the deadline passes.
 */
export async function connectToCoordinator(url: string, timeoutMs: number): Promise<WebSocket> {
  const deadline = performance.now() + timeoutMs;
  for (let wait = FIRST_RETRY_MS; ; wait = Math.min(wait * 2, LONGEST_RETRY_MS)) {
    try {
      return await open(url);
    } catch (error) {
      if (performance.now() + wait > deadline) {
        const seconds = Math.round(timeoutMs / 1000);
        throw new EpemuError(
          `no coordinator answers at ${url} after ${seconds} s (${messageOf(error)}); start it, or check the address`,
        );
      }
      await delay(wait);
    }
  }
}
