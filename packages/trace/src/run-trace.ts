import type { Program } from '@epemu/schedule';
import { ProgramFacts, viewOfTimeline } from '@epemu/timeline';
import type { RankTimeline, RankView } from '@epemu/timeline';

import { tracedName } from './kernel-naming.js';
import { kernelText, type KernelText } from './kernel-text.js';
import { programMetadata, type ProgramMetadata } from './program-metadata.js';
import { type RunDescription, smsOf } from './run.js';
import { SyncPlan } from './sync-plan.js';

/** What all trace files of a run have in common, worked out once: what its program says, and texts of its kernels. */
export class RunTrace {
  readonly run: RunDescription;
  readonly facts: ProgramFacts;
  /** By the identities of {@link ProgramFacts}. */
  readonly texts: readonly KernelText[];
  /** Which kernels wait for kernels of other streams. */
  readonly sync: SyncPlan;
  /** What all files say of the program. */
  readonly programMetadata: ProgramMetadata;

  constructor(run: RunDescription, program: Program) {
    this.run = run;
    this.facts = new ProgramFacts(program, Math.ceil(run.ranks / run.nodeSize));
    this.programMetadata = programMetadata(this.facts);
    this.sync = new SyncPlan(program);
    const sms = smsOf(run);
    this.texts = this.facts.descriptions.map((description) =>
      kernelText({ ...description, name: tracedName(description, run.kernelNames) }, sms),
    );
  }

  /** @returns a rank as its files, and all figures, are made from it. */
  view(timeline: RankTimeline): RankView {
    return viewOfTimeline(timeline, this.facts, this.run.ranks);
  }
}
