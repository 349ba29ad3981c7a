import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { parseConfiguration, resolveConfiguration } from './resolve.js';
import type { PhaseTemplate, ScheduleTemplate } from './schema.js';

/** @returns what a call was refused with. */
function refusal(call: () => unknown): BadInputError {
  try {
    call();
  } catch (error) {
    if (error instanceof BadInputError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** Resolves train with flags. @returns the refusal's field and message. */
function refused(flags: Record<string, unknown>, scenario = 'train'): string[] {
  const { field, message } = refusal(() => resolveConfiguration({ scenario, flags }));
  return [field, message];
}

/** Changes train's schedule, or one of its phases. @returns the refusal's message. */
function refusedSchedule(change: (schedule: ScheduleTemplate) => Partial<ScheduleTemplate>): string {
  const configuration = resolveConfiguration({ scenario: 'train' });
  const schedule = { ...configuration.schedule, ...change(configuration.schedule) };
  const error = refusal(() => parseConfiguration({ ...configuration, schedule }));
  expect(error.field).to.match(/^schedule\./);
  return error.message;
}

function refusedPhase(name: string, change: Partial<PhaseTemplate>): string {
  return refusedSchedule(({ phases }) => ({
    phases: phases.map((phase) => (phase.name === name ? { ...phase, ...change } : phase)),
  }));
}

describe('checkConfiguration', () => {
  it('refuses ranks that are none, no number, too many, or divide neither experts nor nodes', () => {
    const divisors = '1, 2, 4, 8, 16, 32, 64, 128, 256';
    expect(refused({ ranks: 0 })).to.deep.equal(['ranks', 'ranks is 0, but it must be at least 1']);
    expect(refused({ ranks: '8' })).to.deep.equal(['ranks', 'ranks is "8", but it must be of type number']);
    expect(refused({ ranks: 8.5 })).to.deep.equal(['ranks', 'ranks is 8.5, but it must be a whole number']);
    expect(refused({ ranks: 8192 })).to.deep.equal(['ranks', 'ranks is 8192, but it must be at most 4096']);
    for (const ranks of [12, 48, 512]) {
      const replicas = { 12: '', 48: ', or --redundant-experts 32', 512: ', or --redundant-experts 256' }[ranks];
      const message = `ranks is ${ranks}, but the 256 experts of deepseek-v3 do not divide by it; use one of ${divisors}${replicas}`;
      expect(refused({ ranks })).to.deep.equal(['ranks', message]);
    }
    const error = refusal(() =>
      resolveConfiguration({ scenario: 'train', flags: { ranks: 16 }, settings: ['hardware.nodeSize=12'] }),
    );
    expect(error.message).to.equal(
      'ranks is 16, but above one node it must be a multiple of the node size 12; use one of 1, 2, 4, 8',
    );
  });

  it('refuses layers between the MoE layers and the whole model', () => {
    for (const layers of [59, 60, 62]) {
      const message = `layers is ${layers}, but it must be 1 to 58 MoE layers, or 61 for the whole model`;
      expect(refused({ layers })).to.deep.equal(['layers', message]);
    }
    for (const layers of [1, 58, 61]) {
      expect(resolveConfiguration({ scenario: 'train', flags: { layers } }).layers).to.equal(layers);
    }
  });

  it('refuses workers that do not share the ranks evenly, and a payload that is no whole SIMD block', () => {
    for (const ranksPerWorker of [3, 128]) {
      const message = `ranksPerWorker is ${ranksPerWorker}, but it must divide the number of ranks, 64`;
      expect(refused({ ranksPerWorker })).to.deep.equal(['ranksPerWorker', message]);
    }
    const message = 'payload.hidden is 20, but it must be a multiple of 16 (one SIMD block)';
    expect(refused({ payload: { hidden: 20 } })).to.deep.equal(['payload.hidden', message]);
  });

  it('refuses a pace at which a row takes as long as a stall, and what is no pace', () => {
    expect(refused({ pace: 0.02 })).to.deep.equal([
      'pace',
      'pace is 0.02, but then a row takes more than half of stallTimeoutSeconds, 60 s; ' +
        'use at least 0.03333333333333333 rows a second, or raise stallTimeoutSeconds',
    ]);
    expect(refused({ pace: 0 })).to.deep.equal(['pace', 'pace is 0, but it must be more than 0']);
    expect(refused({ pace: 'slow' })).to.deep.equal(['pace', 'pace is "slow", but it must be of type number']);
    for (const pace of [1 / 30, 1000, null]) {
      expect(resolveConfiguration({ scenario: 'train', flags: { pace } }).pace).to.equal(pace);
    }
    expect(resolveConfiguration({ scenario: 'train' }).pace).to.equal(null);
    expect(resolveConfiguration({ scenario: 'train', flags: { pace: 0.02, stallTimeoutSeconds: 100 } }).pace).to.equal(
      0.02,
    );
  });

  it('refuses slow ranks and faults outside the run', () => {
    const slowRanks = [{ rank: 64, factor: 2 }];
    expect(refused({ slowRanks })).to.deep.equal(['slowRanks', 'slowRanks names rank 64, but ranks are 0 to 63']);
    const faults = [{ rank: 99, operation: 0, kind: 'kill' }];
    expect(refused({ faults })).to.deep.equal(['faults', 'faults names rank 99, but ranks are 0 to 63']);
  });

  it('refuses prompts for training', () => {
    const [field, message] = refused({ promptLengths: [8] });
    expect([field, message]).to.deep.equal([
      'promptLengths',
      'promptLengths is given for training, which takes tokensPerMicrobatch',
    ]);
  });

  it('refuses what a choice does not have, and lists what it has', () => {
    expect(refused({ routing: 'even' })[1]).to.match(/^routing is "even", but it must be one of balanced, statistical/);
    expect(refused({ overlap: 'half' })[1]).to.equal('overlap is "half", but it must be one of full, none');
    expect(refused({ slowRanks: [{ rank: 1, factor: 0 }] })).to.deep.equal([
      'slowRanks.0.factor',
      'slowRanks.0.factor is 0, but it must be at least 0.1',
    ]);
  });

  it('refuses a phase on an unknown stream, behind an unknown gate, with unknown kernels or rates', () => {
    expect(refusedPhase('mlp(B)', { stream: 'copy' })).to.equal(
      "phase mlp(B) runs on the unknown stream copy; the schedule's streams are compute, compute2, communication",
    );
    expect(refusedPhase('mlp(B)', { after: ['attn(G)@-1'] })).to.equal(
      'phase mlp(B) waits for attn(G)@-1, but there is no phase attn(G)',
    );
    const kernels =
      /^phase mlp\(B\) asks for the kernels mlp\(X\), but there is no such list; add it to kernels or name a built-in one/;
    expect(refusedPhase('mlp(B)', { kernels: 'mlp(X)' })).to.match(kernels);
    expect(refusedPhase('mlp(B)', { denseKernels: 'mlp(X)' })).to.match(kernels);
    const collective = { type: 'dispatch', mode: 'normal', cached: false, rateKind: 'warp' } as const;
    expect(refusedPhase('dispatch(F)', { collective })).to.match(
      /^phase dispatch\(F\) has the unknown rateKind warp; the hardware preset has .*dispatch, /,
    );
  });

  it('refuses phases of one name, a marker that is no phase, and streams of one id', () => {
    expect(refusedSchedule(({ phases }) => ({ phases: [...phases, phases[1]] }))).to.equal(
      'two phases are named attn(F); names must differ',
    );
    expect(refusedSchedule(() => ({ layerMarker: 'ATTN' }))).to.equal(
      'schedule.layerMarker is ATTN, but there is no such phase',
    );
    expect(refusedSchedule(({ streams }) => ({ streams: { ...streams, other: { id: 7, name: 'x' } } }))).to.match(
      /two streams have the same id/,
    );
  });

  it('refuses more SMs than the GPU has, and communication without any', () => {
    expect(refusedSchedule(() => ({ computeSms: 133 }))).to.equal(
      'schedule.computeSms is 133, but the GPU has 132 SMs',
    );
    expect(refusedSchedule(() => ({ communicationSms: 0 }))).to.equal(
      'schedule.communicationSms is 0, but phase combine(B) needs SMs to communicate',
    );
  });

  it('refuses a phase whose kind, micro-batch, direction or issue does not fit', () => {
    expect(refusedPhase('mlp(B)', { kind: 'wait' })).to.match(/^phase mlp\(B\) is of kind wait; /);
    expect(refusedPhase('mlp(B)', { microBatch: 2 })).to.equal('phase mlp(B) has micro-batch 2, but there are 2');
    expect(refusedPhase('mlp(B)', { issue: 'attn(F)' })).to.match(/^phase mlp\(B\) has the issue attn\(F\); /);
    expect(refused({ family: 'inference' })[1]).to.match(/^phase combine\(B\) goes backward, but the family is inf/);
  });
});
