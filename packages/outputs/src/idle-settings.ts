import type { Configuration } from '@epemu/config';
import { hardwareNames, loadHardware } from '@epemu/presets';
import type { HardwarePreset } from '@epemu/presets';
import type { Program } from '@epemu/schedule';

/** A value of hardware presets that not every run takes time from. */
interface Value {
  readonly key: string;
  readonly of: (hardware: HardwarePreset) => number | undefined;
  /** @returns why a run takes none from it; undefined where it does. */
  readonly idle: (configuration: Configuration, program: Pick<Program, 'operations'>) => string | undefined;
}

const graph = ({ schedule }: Configuration): string | undefined =>
  schedule.launch === 'graph' ? 'its kernels are launched as a graph' : undefined;

const apart = (_: Configuration, { operations }: Pick<Program, 'operations'>): string | undefined =>
  operations.some(({ kind, beside }) => kind === 'compute' && beside.length > 0)
    ? undefined
    : 'no transfer that holds SMs is beside computation';

const VALUES: readonly Value[] = [
  {
    key: 'kernelGapNs',
    of: ({ kernelGapNs }) => kernelGapNs,
    idle: (configuration) => (configuration.hardware.host.graphGapNs === undefined ? undefined : graph(configuration)),
  },
  {
    key: 'host.graphGapNs',
    of: ({ host }) => host.graphGapNs,
    idle: (configuration) => (graph(configuration) === undefined ? 'it launches kernel by kernel' : undefined),
  },
  {
    key: 'host.kernelLaunchNs',
    of: ({ host }) => host.kernelLaunchNs,
    idle: (configuration) => {
      const { family, hardware } = configuration;
      const inference =
        family === 'training' || hardware.host.eagerLaunchNs === undefined ? undefined : 'it is inference';
      return graph(configuration) ?? inference;
    },
  },
  {
    key: 'host.eagerLaunchNs',
    of: ({ host }) => host.eagerLaunchNs,
    idle: (configuration) =>
      graph(configuration) ?? (configuration.family === 'training' ? 'it is training' : undefined),
  },
  { key: 'host.moduleLaunchNs', of: ({ host }) => host.moduleLaunchNs, idle: () => 'modules of tables alone do' },
  { key: 'host.launchLatencyNs', of: ({ host }) => host.launchLatencyNs, idle: graph },
  { key: 'host.notifyPollNs', of: ({ host }) => host.notifyPollNs, idle: graph },
  ...(['memoryGBps', 'memoryPerSm', 'computePerSm', 'copyWait'] as const).map((key): Value => {
    return { key: `sharing.${key}`, of: ({ sharing }) => sharing[key], idle: apart };
  }),
];

/**
 * Looks at values of the hardware that were set to others than the built-in preset's, and at whether the run takes any
 * time from them.
 * @returns one sentence about those that it does not; undefined where there is none.
 */
export function idleSettings(configuration: Configuration, program: Pick<Program, 'operations'>): string | undefined {
  const { hardware } = configuration;
  if (!hardwareNames().includes(hardware.name)) return undefined;
  const builtIn = loadHardware(hardware.name);
  const idle = VALUES.flatMap(({ key, of, idle: why }) => {
    const reason = of(hardware) === of(builtIn) ? undefined : why(configuration, program);
    return reason === undefined ? [] : [`hardware.${key} (${reason})`];
  });
  return idle.length === 0 ? undefined : `Set, but this run takes no time from it: ${idle.join(', ')}.`;
}
