import { readFileSync } from 'node:fs';
import { BadInputError } from '@epemu/core';
import type { ModelPreset } from '@epemu/presets';
import { KERNEL_LISTS_SCHEMA } from './entry.js';
import type { KernelLists } from './entry.js';

const DATA = new URL('../data/', import.meta.url);

function readLists(file: string): KernelLists {
  return KERNEL_LISTS_SCHEMA.parse(JSON.parse(readFileSync(new URL(file, DATA), 'utf8')));
}

/**
 * @returns the built-in kernel lists for a model: those of its attention, of the experts and of the collectives.
 * Attention of both kinds has lists of the same names.
 */
export function builtInKernelLists(model: ModelPreset): KernelLists {
  return {
    ...readLists(`${model.attention.kind}.json`),
    ...readLists('moe.json'),
    ...readLists('collectives.json'),
  };
}

let measured: KernelLists | undefined;

/** @returns kernel lists of modules as SGLang runs them and as they were measured: MLA, and the experts of a rank. */
export function measuredKernelLists(): KernelLists {
  measured ??= readLists('sglang.json');
  return measured;
}

/**
 * Checks kernel lists that a user gave.
 * @throws BadInputError naming list, kernel and key.
 */
export function parseKernelLists(json: unknown): KernelLists {
  const parsed = KERNEL_LISTS_SCHEMA.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = ['kernels', ...issue.path].join('.');
  throw new BadInputError(place, `${place} is wrong: ${issue.message}; see docs/kernels.md for what a kernel has`);
}
