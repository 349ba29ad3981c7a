import type { CollectiveType } from '@epemu/timeline';

/** Version that Chakra's own generator puts into `GlobalMetadata`. */
export const CHAKRA_VERSION = '0.0.4';

/** `AttributeProto`: a name and one of the values; types are those that Chakra's feeder reads an attribute by. */
export interface ChakraAttribute {
  readonly name: string;
  readonly bool_val?: boolean;
  readonly int32_val?: number;
  readonly int64_val?: number;
  readonly string_val?: string;
  readonly string_list?: { readonly values: readonly string[] };
}

/** `GlobalMetadata`. */
export interface ChakraMetadata {
  readonly version: string;
  readonly attr: readonly ChakraAttribute[];
}

/** Of `NodeType`, the kinds that kernels become. */
export type ChakraNodeType = 'COMP_NODE' | 'COMM_SEND_NODE' | 'COMM_RECV_NODE' | 'COMM_COLL_NODE';

/** `Node`, without what kernels have nothing for (inputs, outputs, storage). */
export interface ChakraNode {
  readonly id: number;
  readonly name: string;
  readonly type: ChakraNodeType;
  readonly ctrl_deps: readonly number[];
  readonly data_deps: readonly number[];
  readonly start_time_micros: number;
  readonly duration_micros: number;
  readonly attr: readonly ChakraAttribute[];
}

/** A rank's file: each of the messages that an `.et` file has one after the other. */
export interface ChakraTrace {
  readonly global_metadata: ChakraMetadata;
  readonly nodes: readonly ChakraNode[];
}

/** `CollectiveCommType`. Chakra has no all-to-all of unequal parts: where sizes are unknown it is the plain one. */
const COLLECTIVE_COMM_TYPES: Partial<Record<CollectiveType, number>> = {
  'all-reduce': 0,
  'all-gather': 2,
  broadcast: 5,
  dispatch: 6,
  combine: 6,
  'all-to-all': 6,
  'reduce-scatter': 7,
  barrier: 9,
};

/** @returns Chakra's number of a collective; undefined of what it has none for. */
export function collectiveCommType(type: CollectiveType): number | undefined {
  return COLLECTIVE_COMM_TYPES[type];
}
