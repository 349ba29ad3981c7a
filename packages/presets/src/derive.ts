import type { Mapping } from '@epemu/core';
import * as z from 'zod';
import { COUNT } from './bounds.js';
import { parsePreset, refuse } from './check.js';
import { DATA_SHEET_SCHEMA } from './data-sheet.js';
import type { HardwarePreset } from './hardware.js';
import { BASIS, SOURCE } from './kernel-rate.js';
import { merged, without } from './merge.js';
import { wordsOfFile } from './own-words.js';
import type { Place } from './place.js';
import { scaledPreset } from './scaled-preset.js';
import { ERAS } from './transfer-rate.js';
import type { TransferRate } from './transfer-rate.js';

/** What replaces values of one kind says what it rests on: the base's words are not about it. */
const REPLACEMENT = z.looseObject({ basis: BASIS, source: SOURCE });
const TRANSFER_REPLACEMENT = REPLACEMENT.extend({ hops: z.array(z.string()).optional() });

/** What a derived preset may say; its other keys are checked when the whole preset is. */
const DERIVED_SCHEMA = z.looseObject({
  base: z.string().min(1),
  gpu: z.looseObject({ sms: COUNT }).optional(),
  dataSheet: DATA_SHEET_SCHEMA.optional(),
  kernels: z.record(z.string(), REPLACEMENT).optional(),
  transfers: z.partialRecord(z.enum(ERAS), z.record(z.string(), TRANSFER_REPLACEMENT)).optional(),
});
type Derived = z.infer<typeof DERIVED_SCHEMA>;

/** A kernel that states its `model` replaces the base's; another one changes what it states, and the fit is no more. */
function kernelsToMergeInto(whole: HardwarePreset, own: Derived): Mapping {
  const kernels: Mapping = { ...whole.kernels };
  for (const [kind, replacement] of Object.entries(own.kernels ?? {})) {
    const { [kind]: before } = whole.kernels;
    const kept = Object.entries(before ?? {}).filter(([key]) => key !== 'count' && key !== 'spread');
    kernels[kind] = 'model' in replacement ? {} : Object.fromEntries(kept);
  }
  return kernels;
}

/** Where other links carry a transfer, the base's rates of those that do not are not about it. */
function onLinks(transfer: TransferRate, hops: readonly string[]): TransferRate {
  const links = Object.entries(transfer.links).filter(([link]) => hops.includes(link));
  return { ...transfer, links: Object.fromEntries(links) };
}

/** A transfer of an era that the base has only from an era before changes that one. */
function transfersToMergeInto(whole: HardwarePreset, own: Derived): Mapping {
  const transfers: Mapping = { ...whole.transfers };
  let earlier: Record<string, TransferRate> = {};
  for (const era of ERAS) {
    earlier = { ...earlier, ...whole.transfers[era] };
    const replaced = Object.entries(own.transfers?.[era] ?? {}).filter(([kind]) => Object.hasOwn(earlier, kind));
    if (replaced.length === 0) continue;
    const before = replaced.map(([kind, { hops }]) => [
      kind,
      hops === undefined ? earlier[kind] : onLinks(earlier[kind], hops),
    ]);
    transfers[era] = { ...whole.transfers[era], ...Object.fromEntries(before) };
  }
  return transfers;
}

/**
 * Makes a derived preset whole: the base's values, scaled by the ratio of data sheets where the file has one, and over
 * them what the file says itself.
 *
 * @param json of a preset that names its `base`.
 * @returns a complete preset, yet to be checked.
 * @throws BadInputError naming file, line and key.
 */
export function derivedHardware(json: unknown, base: HardwarePreset, place: Place): Mapping {
  const derived = parsePreset(DERIVED_SCHEMA, json, place);
  const sms = derived.gpu?.sms ?? base.gpu.sms;
  let whole = base;
  if (derived.dataSheet !== undefined) {
    if (base.dataSheet === undefined) {
      refuse(json, place, ['base'], 'that preset has no dataSheet to scale from; add one to it, or name another');
    }
    whole = scaledPreset(base, base.dataSheet, { sms, dataSheet: derived.dataSheet });
  } else if (sms !== base.gpu.sms) {
    refuse(json, place, ['dataSheet'], `the base has ${base.gpu.sms} SMs, not ${sms}, and rates follow from it`);
  }
  const own = without(derived, 'base');
  const target: Mapping = {
    // Another data sheet is of another GPU, whose memory is its own.
    ...without({ ...whole }, 'description', ...(derived.dataSheet === undefined ? [] : ['memoryGB'])),
    kernels: kernelsToMergeInto(whole, derived),
    transfers: transfersToMergeInto(whole, derived),
  };
  return merged(merged(target, wordsOfFile(own, place)), own);
}
