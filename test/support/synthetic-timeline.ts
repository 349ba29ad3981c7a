import type { TimelineData } from '@epemu/pages';

/** What a synthetic timeline has. */
export interface SyntheticShape {
  readonly ranks: number;
  /** Layers of each rank; each has 24 kernels and 14 phases. */
  readonly layers: number;
}

const STREAMS = [
  { name: 'stream 7', role: 'computation' },
  { name: 'stream 20', role: 'communication' },
  { name: 'network', role: 'network' },
] as const;

/** By row: phase, what a slice of it counts as, and its kernels. */
const PHASES = [
  [
    ['attn(F)', 0, ['rms_norm', 'mla_q_proj_gemm', 'flash_mla_fwd', 'o_proj_gemm']],
    ['mlp(B)', 0, ['grouped_gemm_dgrad', 'swiglu_bwd', 'grouped_gemm_dgrad', 'memset_gradients']],
    ['mlp(W)', 0, ['grouped_gemm_wgrad', 'grouped_gemm_wgrad']],
    ['mlp(F)', 0, ['permute', 'grouped_gemm_fp8', 'swiglu', 'grouped_gemm_fp8', 'unpermute']],
    ['attn(B)', 0, ['flash_mla_bwd', 'rms_norm_bwd', 'q_proj_dgrad']],
  ],
  [
    ['DISPATCH(F)', 1, ['deep_ep::dispatch']],
    ['COMBINE(B)', 1, ['deep_ep::combine']],
    ['PP send', 1, ['ncclSendRecv', 'copy_boundary']],
    ['COMBINE(F)', 1, ['deep_ep::combine', 'reduce_bf16']],
  ],
  [
    ['DISPATCH(F)', 1, []],
    ['COMBINE(B)', 1, []],
    ['COMBINE(F)', 1, []],
  ],
] as const;

/** Length of a layer, ns. */
const LAYER_NS = 900_000;

/** @returns numbers in [0, 1) that are the same each time (a linear congruential generator). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

type Growing<T> = { -readonly [K in keyof T]: T[K] extends readonly number[] ? number[] : Growing<T[K]> };
type Columns = Growing<Pick<TimelineData, 'kernels' | 'phases' | 'flows' | 'path' | 'exposed'>>;

function emptyColumns(): Columns {
  return {
    kernels: { track: [], startNs: [], durationNs: [], name: [], class: [], phase: [] },
    phases: { track: [], startNs: [], durationNs: [], name: [] },
    flows: { fromTrack: [], fromNs: [], toTrack: [], toNs: [] },
    path: { track: [], startNs: [], endNs: [] },
    exposed: { track: [], startNs: [], endNs: [], phase: [] },
  };
}

/** @returns a timeline like that of a training run whose passes overlap: a rank has two streams and a network row. */
export function syntheticTimeline({ ranks, layers }: SyntheticShape): TimelineData {
  const next = numbers(7);
  const names: string[] = [];
  const nameOf = (name: string): number => (names.includes(name) ? names.indexOf(name) : names.push(name) - 1);
  const { kernels, phases, flows, path, exposed } = emptyColumns();
  const tracks = Array.from({ length: ranks }, (_, rank) =>
    STREAMS.map(({ name, role }) => ({ group: `rank ${rank}`, name, role })),
  ).flat();
  tracks.forEach((_, track) => {
    const stream = track % STREAMS.length;
    for (let layer = 0; layer < layers; layer++) {
      let startNs = layer * LAYER_NS + Math.floor(next() * 8000);
      const share = LAYER_NS / PHASES[stream].length;
      for (const [phase, kind, kernelNames] of PHASES[stream]) {
        const lengthNs = Math.floor(share * (0.75 + 0.2 * next()));
        phases.track.push(track);
        phases.startNs.push(startNs);
        phases.durationNs.push(lengthNs);
        phases.name.push(nameOf(phase));
        kernelNames.forEach((name, i) => {
          const each = Math.floor(lengthNs / kernelNames.length);
          kernels.track.push(track);
          kernels.startNs.push(startNs + i * each);
          kernels.durationNs.push(Math.floor(each * (0.8 + 0.2 * next())));
          kernels.name.push(nameOf(name));
          kernels.class.push(name.startsWith('mem') || name.startsWith('copy') ? 2 : kind);
          kernels.phase.push(nameOf(phase));
        });
        if (stream === 2) {
          flows.fromTrack.push(track);
          flows.fromNs.push(startNs);
          flows.toTrack.push(Math.floor(next() * ranks) * STREAMS.length + 2);
          flows.toNs.push(startNs + Math.floor(lengthNs * (0.3 + 0.7 * next())));
        }
        if (stream === 1 && next() < 0.2) {
          exposed.track.push(track);
          exposed.startNs.push(startNs + Math.floor(lengthNs * 0.7));
          exposed.endNs.push(startNs + lengthNs);
          exposed.phase.push(nameOf(phase));
        }
        startNs += Math.floor(share);
      }
    }
  });
  for (let layer = 0; layer < layers * 4; layer++) {
    path.track.push(Math.floor(next() * Math.min(ranks, 4)) * STREAMS.length + (layer % 3));
    path.startNs.push((layer * LAYER_NS) / 4);
    path.endNs.push(((10 * layer + 9) * LAYER_NS) / 40);
  }
  return { endNs: layers * LAYER_NS, tracks, names, kernels, phases, flows, path, exposed, note: '' };
}
