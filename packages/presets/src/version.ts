import * as z from 'zod';

/** Version of the model presets' format; a preset that says none is of the first. */
export const MODEL_PRESET_VERSION = z
  .literal(1, 'it must be 1, the version of model presets that this epemu reads')
  .default(1);

/** Version of the hardware presets' format; older ones are migrated before they are checked. */
export const HARDWARE_PRESET_VERSION = z.literal(
  2,
  'it must be 1 or 2, the versions of hardware presets that this epemu reads',
);
