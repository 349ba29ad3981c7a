import { z } from 'zod';

/** Version of the presets' format; a preset that says none is of the first. */
export const PRESET_VERSION = z.literal(1, 'it must be 1, the version of presets that this epemu reads').default(1);
