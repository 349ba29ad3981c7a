import { BadInputError } from '@epemu/core';
import { transferOf } from '@epemu/presets';
import type { Collective } from './binding.js';
import { nodeCount } from './configuration.js';
import type { Configuration } from './configuration.js';
import type { PhaseTemplate } from './schema.js';

/** @returns how many hops a collective may have. */
function hopsAllowed({ mode, type }: Collective): readonly number[] {
  if (type === 'send' || type === 'receive' || mode === 'pipeline') return [1];
  return mode === 'normal' ? [2] : [1, 2];
}

/** @returns index of the hop that goes to other nodes. */
function hopBetweenNodes({ mode, type }: Collective): number {
  return mode === 'normal' && type === 'combine' ? 1 : 0;
}

/**
 * Checks that a phase's transfer takes as many hops as its collective has, and leaves the node by a link that does.
 * @throws BadInputError naming the phase.
 */
export function checkHops(configuration: Configuration, phase: PhaseTemplate, field: string): void {
  const { collective } = phase;
  if (collective === undefined) return;
  const { hardware, era } = configuration;
  const { rateKind } = collective;
  const { hops } = transferOf(hardware, era, rateKind);
  const allowed = hopsAllowed(collective);
  if (!allowed.includes(hops.length)) {
    throw new BadInputError(
      field,
      `phase ${phase.name} takes ${allowed.join(' or ')} ${allowed.at(-1) === 1 ? 'hop' : 'hops'}, but the transfer ` +
        `${rateKind} of the hardware preset has ${hops.length} (${hops.join(', ')}); name another rateKind`,
    );
  }
  const between = hops[hopBetweenNodes(collective)];
  if (nodeCount(configuration) > 1 && hardware.ports[between].reach === 'node') {
    throw new BadInputError(
      field,
      `phase ${phase.name} goes to other nodes by ${between}, whose reach is the node; give ` +
        `hardware.transfers.${era}.${rateKind}.hops a link with the reach cluster there, or run it on one node`,
    );
  }
}
