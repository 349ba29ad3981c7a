import type { AttentionOptions } from './attention-pairs.js';
import type { TraceContent } from './traced-kernel.js';

/** What stands beside the events, of which only a part is of use here. Nothing of it has been checked. */
interface Metadata {
  readonly deviceProperties?: unknown;
  readonly distributedInfo?: { readonly world_size?: unknown } | null;
  readonly epemu?: {
    readonly configuration?: { readonly kvLength?: unknown; readonly promptLengths?: unknown };
  } | null;
}

/** Properties of the first GPU that are texts or numbers, as presets have them. */
function devicePropertiesOf({ deviceProperties }: Metadata): Record<string, string | number> {
  const first: unknown = Array.isArray(deviceProperties) ? deviceProperties[0] : undefined;
  const entries = typeof first === 'object' && first !== null ? Object.entries(first) : [];
  return Object.fromEntries(
    entries.filter(
      (entry): entry is [string, string | number] => typeof entry[1] === 'string' || typeof entry[1] === 'number',
    ),
  );
}

/** How tokens attend in an emulated run: by its KV length, and by its prompts where all have one length. */
function attentionOf({ epemu }: Metadata): AttentionOptions {
  const { kvLength, promptLengths } = epemu?.configuration ?? {};
  const lengths = new Set<unknown>(Array.isArray(promptLengths) ? promptLengths : []);
  const [length] = lengths;
  return {
    ...(typeof kvLength === 'number' ? { kvLength } : {}),
    ...(lengths.size === 1 && typeof length === 'number' ? { sequenceLength: length } : {}),
  };
}

/** @returns what calibration uses of what stands beside a trace's events, JSON text that the reader has checked. */
export function metadataOf(text: string): Pick<TraceContent, 'deviceProperties' | 'worldSize' | 'attention'> {
  const metadata = JSON.parse(text) as Metadata;
  const worldSize = metadata.distributedInfo?.world_size;
  return {
    deviceProperties: devicePropertiesOf(metadata),
    worldSize: typeof worldSize === 'number' ? worldSize : undefined,
    attention: attentionOf(metadata),
  };
}
