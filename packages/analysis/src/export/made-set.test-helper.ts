import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RankView } from '@epemu/timeline';
import type { KernelIdentity, PhaseInstance } from '@epemu/timeline';
import { analyseSet } from '../analyze.js';
import type { AnalysedSet } from '../analysis.js';
import { kernelColumns } from '../kernel-columns.test-helper.js';
import { KernelRoles } from '../kernel-role.js';

/** What all ranks do next: compute on their own, or exchange bytes together. */
export type Step =
  | { readonly kind: 'compute'; readonly ns: readonly number[]; readonly name?: string }
  | {
      readonly kind: 'exchange';
      /** Whether it is in two halves, as low-latency kernels are. */
      readonly split: boolean;
      /** Bytes from rank to rank; undefined where the trace does not tell. */
      readonly bytes: readonly (readonly number[])[] | undefined;
      readonly ns: number;
    };

interface Kernel {
  readonly startNs: number;
  readonly endNs: number;
  readonly stream: 0 | 1;
  readonly name: string;
  readonly sent: readonly number[] | undefined;
}

const DISPATCH = 'deep_ep::internode::dispatch';
const NOTIFY = 'deep_ep::internode::notify_dispatch';
const [SEND, RECEIVE] = ['pplx::a2a_dispatch_send', 'pplx::a2a_dispatch_recv'];

/** Kernels of all ranks: a step starts when the one before has ended, an exchange when the last rank has come. */
function kernelsOf(ranks: number, steps: readonly Step[]): Kernel[][] {
  const made = Array.from({ length: ranks }, (): Kernel[] => []);
  const now = new Array<number>(ranks).fill(0);
  for (const step of steps) {
    const last = Math.max(...now);
    made.forEach((kernels, rank) => {
      const startNs = now[rank];
      if (step.kind === 'compute') {
        now[rank] = startNs + step.ns[rank];
        kernels.push({ startNs, endNs: now[rank], stream: 0, name: step.name ?? 'gemm', sent: undefined });
        return;
      }
      const sent = step.bytes?.[rank];
      const [first, moves] = step.split ? [SEND, RECEIVE] : [NOTIFY, DISPATCH];
      const firstEndNs = step.split ? startNs + 500 : last + 500;
      now[rank] = last + 500 + step.ns;
      kernels.push({ startNs, endNs: firstEndNs, stream: 1, name: first, sent: step.split ? sent : undefined });
      kernels.push({
        startNs: firstEndNs,
        endNs: now[rank],
        stream: 1,
        name: moves,
        sent: step.split ? undefined : sent,
      });
    });
  }
  return made;
}

function rankOf(rank: number, kernels: readonly Kernel[], identities: readonly KernelIdentity[]): RankView {
  const sentBytes = new Map<number, Float64Array>();
  const unknown = { operation: undefined, layer: undefined, half: undefined, transfer: undefined };
  const instances = kernels.map(({ startNs, endNs, stream, name, sent }, row): PhaseInstance => {
    if (sent !== undefined) sentBytes.set(row, Float64Array.from(sent));
    return { phase: `of ${name}`, rows: [row], startNs, endNs, stream, ...unknown };
  });
  const columns = kernelColumns(
    kernels.map(({ name, ...times }, instance) => {
      return { ...times, instance, kernel: identities.findIndex((identity) => identity.name === name) };
    }),
  );
  const streams = [
    { id: '7', name: 'stream 7', role: 'computation' },
    { id: '27', name: 'stream 27', role: 'communication' },
  ] as const;
  const rest = { streams, instances, transfers: [], inferred: false, bytesTo: undefined };
  return new RankView({ rank, file: `rank-${rank}.json`, kernels: columns, identities, sentBytes, ...rest });
}

/** @returns the analysis of ranks that did these steps; `present` are those whose traces there are. */
export function madeSet(ranks: number, steps: readonly Step[], present?: readonly number[]): AnalysedSet {
  const kernels = kernelsOf(ranks, steps);
  const names = [...new Set(kernels.flat().map(({ name }) => name))];
  const roles = new KernelRoles();
  const identities = names.map((name): KernelIdentity => {
    return { name, label: undefined, ctas: undefined, ...roles.of(name) };
  });
  const list = kernels
    .map((own, rank) => rankOf(rank, own, identities))
    .filter(({ rank }) => present?.includes(rank) ?? true);
  const facts = {
    ...{ scenario: undefined, worldSize: ranks, nodeSize: 8, gpuName: undefined, gpuSms: undefined },
    ...{ computeSms: undefined, communicationSms: undefined, layerMarker: undefined, operations: [] },
    ...{ configuration: undefined, statement: undefined },
  };
  const files = list.map(({ content }) => content.file);
  return analyseSet({ ranks: list, identities, facts, source: 'captured', files, problems: [] });
}

/** Gives the body a folder that is gone afterwards. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'epemu-export-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
