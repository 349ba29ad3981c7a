import { bindingOf } from '@epemu/config';
import type { Collective, Configuration } from '@epemu/config';
import { hardwareNames, loadHardware, transferOf } from '@epemu/presets';

function collectivesOf({ schedule, pipelineCommunication }: Configuration): Collective[] {
  const run = schedule.phases.filter(({ when }) => when === undefined || pipelineCommunication);
  const all = run.flatMap(({ collective }) => (collective === undefined ? [] : [collective]));
  const moving = all.filter(({ type }) => type === 'dispatch' || type === 'combine');
  return [...new Map(moving.map((collective) => [collective.rateKind, collective])).values()];
}

/**
 * Looks at bandwidths that were set to another value than the built-in preset's, and at whether any transfer of the run
 * notices.
 * @returns one sentence about the first that none does; undefined where there is none.
 */
export function idleBandwidth(configuration: Configuration): string | undefined {
  const { hardware, era } = configuration;
  if (!hardwareNames().includes(hardware.name)) return undefined;
  const builtIn = loadHardware(hardware.name);
  for (const [link, { bandwidthGBps }] of Object.entries(hardware.ports)) {
    const before = Object.hasOwn(builtIn.ports, link) ? builtIn.ports[link].bandwidthGBps : bandwidthGBps;
    if (before === bandwidthGBps) continue;
    const users = collectivesOf(configuration).filter(({ rateKind }) =>
      transferOf(hardware, era, rateKind).hops.includes(link),
    );
    const machines = [hardware, { ...hardware, ports: builtIn.ports }];
    const bindings = users.map((collective) =>
      machines.map((machine) => bindingOf(configuration, collective, machine)),
    );
    if (users.length === 0 || bindings.flat().some((binding) => binding.link === link)) continue;
    const pushed = users.map(({ rateKind }, index) => {
      const [{ link: by, GBps }] = bindings[index];
      return `${rateKind} gets ${(GBps.get(link) ?? 0).toFixed(1)} GB/s of it, by ${by ?? 'its SMs'}`;
    });
    return (
      `hardware.ports.${link}.bandwidthGBps is ${bandwidthGBps} where ${hardware.name} has ${before}, ` +
      `but no transfer of this run is bound by it: ${pushed.join('; ')}.`
    );
  }
  return undefined;
}
