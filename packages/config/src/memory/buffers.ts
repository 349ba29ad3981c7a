import { placedExperts } from '../configuration.js';
import type { Configuration } from '../configuration.js';
import type { Role } from '../roles.js';
import { microBatchesOf } from '../workload.js';
import { BF16 } from './precision.js';

/** What normal mode keeps beside a token in a buffer: source, 128 expert ids, 128 router weights, 128 scales. */
const BESIDE_TOKEN_BYTES = 8 + 128 * 8 + 128 * 4 + 128 * 4;
/** Beside those, RDMA has a header of 16 bytes. */
const RDMA_HEADER_BYTES = 16;
/** Tokens that an RDMA channel keeps of each node. */
const RDMA_TOKENS = 128;

/** Tokens that an NVLink channel keeps of each peer, by EP size: what `Buffer.get_dispatch_config` of DeepEP chooses. */
function nvlinkTokens(ranks: number): number {
  if (ranks <= 8) return 256;
  if (ranks <= 64) return 288;
  return ranks <= 128 ? 560 : 720;
}

/** Sends and receives, each twice for odd and even calls, of rows as large as the larger of dispatch and combine. */
function lowLatencyBytes(configuration: Configuration, maxTokens: number): number {
  const { hidden } = configuration.model;
  const experts = placedExperts(configuration);
  const scales = Math.floor(hidden / 128);
  const dispatchRow = 16 + Math.max(hidden * BF16, hidden + scales * 4);
  const combineRow = scales * 4 + hidden * BF16;
  const send = maxTokens * Math.max(dispatchRow, experts * combineRow);
  const receive = experts * maxTokens * Math.max(dispatchRow, combineRow);
  return 2 * (send + receive);
}

function normalBytes({ model, hardware, schedule }: Configuration, ranks: number): number {
  const channels = Math.floor(schedule.communicationSms / 2);
  const nodes = Math.max(1, Math.ceil(ranks / hardware.nodeSize));
  const row = model.hidden * BF16 + BESIDE_TOKEN_BYTES;
  const nvlink = channels * Math.min(ranks, hardware.nodeSize) * nvlinkTokens(ranks) * row;
  const rdma = nodes === 1 ? 0 : channels * nodes * RDMA_TOKENS * (row + RDMA_HEADER_BYTES) * 2;
  return nvlink + rdma;
}

/**
 * @returns bytes of the communication buffers of a rank, as DeepEP sizes them (csrc/config.hpp: `LowLatencyLayout`,
 * `get_nvl_buffer_size_hint`, `get_rdma_buffer_size_hint`; deep_ep/buffer.py for the tokens of a channel). Micro-batches
 * share them.
 */
export function bufferBytes(configuration: Configuration, { group, name }: Role): number {
  const phases = configuration.schedule.phases.filter(({ roles }) => roles === undefined || roles.includes(name));
  const has = (mode: string): boolean => phases.some(({ collective }) => collective?.mode === mode);
  const maxTokens = Math.max(...microBatchesOf({ ...configuration, steps: 1 }).map(({ tokens }) => tokens));
  return (
    (has('low-latency') ? lowLatencyBytes(configuration, maxTokens) : 0) +
    (has('normal') ? normalBytes(configuration, group.ranks.length) : 0)
  );
}
