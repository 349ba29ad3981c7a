import { factorsBetween } from './data-sheet.js';
import type { DataSheet, ScaledGpu } from './data-sheet.js';
import type { HardwarePreset } from './hardware.js';
import type { Basis, KernelRate } from './kernel-rate.js';
import { scaledKernel, scaledPorts, scaledTransfer, thereSays } from './scale.js';
import type { ScaleContext } from './scale.js';
import type { TransferRate } from './transfer-rate.js';

type Words = Pick<HardwarePreset, 'sources' | 'bases'>;

/** Sources of the values outside `kernels` and `transfers`: what is not scaled is assumed to be as on the base. */
function scaledWords(base: HardwarePreset, { factors, from, to }: ScaleContext): Words {
  const sources: Record<string, string> = {};
  const bases: Record<string, Basis> = {};
  for (const [key, source] of Object.entries(base.sources)) {
    sources[key] = `as on ${base.name}: ${source}`;
    bases[key] = 'assumed';
  }
  const there = (key: string): string => thereSays(base.sources[key] ?? 'no source', base.bases[key] ?? 'assumed');
  const { nvlink, rdma, sms } = factors;
  const sheets = `(${to.name}; ${from.name})`;
  sources['ports'] =
    `scaled from ${base.name}: bandwidthGBps by ${nvlink.text}, and ${rdma.text}, so that the same share of the peak is ` +
    `achieved; latencyNs as there ${sheets}; ${there('ports')}`;
  sources['memoryShare'] = `scaled from ${base.name}: SMs by ${sms.text} ${sheets}; ${there('memoryShare')}`;
  if (base.sources['sharing'] !== undefined) {
    sources['sharing'] =
      `scaled from ${base.name}: memoryGBps by ${factors.memory.text}; shares as there ${sheets}; ${there('sharing')}`;
    bases['sharing'] = 'scaled';
  }
  bases['ports'] = 'scaled';
  bases['memoryShare'] = 'scaled';
  return { sources, bases };
}

/**
 * @param from the base's data sheet.
 * @param to the other GPU's SMs and data sheet.
 * @returns the base with its rates, links and memory shares scaled to the other GPU; all else is the base's.
 */
export function scaledPreset(base: HardwarePreset, from: DataSheet, to: ScaledGpu): HardwarePreset {
  const factors = factorsBetween({ sms: base.gpu.sms, dataSheet: from }, to);
  const context: ScaleContext = { base: base.name, from, to: to.dataSheet, factors };
  const kernels: Record<string, KernelRate> = {};
  for (const [kind, rate] of Object.entries(base.kernels)) kernels[kind] = scaledKernel(rate, context);
  const transfers: Record<string, Record<string, TransferRate>> = {};
  for (const [era, kinds] of Object.entries(base.transfers)) {
    const scaled: Record<string, TransferRate> = {};
    for (const [kind, transfer] of Object.entries(kinds)) scaled[kind] = scaledTransfer(transfer, base.ports, context);
    transfers[era] = scaled;
  }
  return {
    ...base,
    dataSheet: to.dataSheet,
    ports: scaledPorts(base.ports, factors),
    memoryShare: base.memoryShare.map(([sms, share]) => [sms * factors.sms.value, share]),
    sharing: { ...base.sharing, memoryGBps: base.sharing.memoryGBps * factors.memory.value },
    kernels,
    transfers,
    ...scaledWords(base, context),
  };
}
