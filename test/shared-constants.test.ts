import { expect } from 'chai';
import { resolveConfiguration, scenarioNames } from '@epemu/config';
import { measuredKernelLists } from '@epemu/kernels';
import { ERAS, loadHardware, transferKinds } from '@epemu/presets';
import { SCENARIOS } from './support/configuration.js';

const BACKWARD = 'a backward pass has it, and training alone goes backward';
const SAVED = 'it keeps or restores activations for a backward pass';
const STATISTICS = 'it is of the auxiliary loss and the expert statistics of training’s router';
const FEW_TOKENS = 'it is the kernel for the few tokens of a step, which decoding alone has';
const LOW_LATENCY = 'it is half of a low-latency collective, which decoding alone has';

/** Kinds of kernel that one built-in scenario has and no other, and why the others cannot have them. */
const OF_ONE_SCENARIO: Readonly<Record<string, string>> = {
  'attention-backward': BACKWARD,
  'attention-backward-ends': BACKWARD,
  'fp8-cast-transpose': BACKWARD,
  'reduce-heads': BACKWARD,
  'rmsnorm-backward': BACKWARD,
  'swiglu-backward': BACKWARD,
  'wgrad-gemm-bf16': BACKWARD,
  'wgrad-gemm-fp8': BACKWARD,
  'weight-transpose': 'weights change with every training step and are laid out again; inference lays them out once',
  'fp8-cast-back': SAVED,
  'fp8-cast-back-special': SAVED,
  'fp8-cast-special': SAVED,
  memset: STATISTICS,
  'reduce-all': STATISTICS,
  'reduce-columns': STATISTICS,
  'scatter-add': STATISTICS,
  'attention-decode': FEW_TOKENS,
  'bmm-bf16': FEW_TOKENS,
  'deep-gemm-fp8': FEW_TOKENS,
  'masked-gemm-fp8': FEW_TOKENS,
  'masked-swiglu': FEW_TOKENS,
  'splitk-gemm-bf16': FEW_TOKENS,
  'low-latency-send': LOW_LATENCY,
  'low-latency-receive': LOW_LATENCY,
};

/** Kinds of transfer: what is sent and how, whoever sends it. */
const TRANSFERS = ['cachedDispatch', 'combine', 'dispatch', 'lowLatencyCombine', 'lowLatencyDispatch', 'pipeline'];

/** @returns which scenarios have each kind of kernel, with and without overlap, in MoE and in dense layers. */
function scenariosByKind(): Map<string, Set<string>> {
  const kinds = new Map<string, Set<string>>();
  for (const scenario of SCENARIOS) {
    for (const overlap of ['full', 'none']) {
      const { kernels } = resolveConfiguration({ scenario, flags: { overlap } });
      for (const { kind } of Object.values(kernels).flat()) {
        const scenarios = kinds.get(kind) ?? new Set();
        kinds.set(kind, scenarios.add(scenario));
      }
    }
  }
  return kinds;
}

describe('constants of the hardware', () => {
  const hardware = loadHardware('h800');

  it('of kernels are shared by scenarios, except of kernels that one of them alone can have', () => {
    const alone = [...scenariosByKind()].filter(([, scenarios]) => scenarios.size === 1).map(([kind]) => kind);
    expect(alone).to.have.members(Object.keys(OF_ONE_SCENARIO));
  });

  it('of kernels are all used', () => {
    const measured = Object.values(measuredKernelLists()).flatMap((list) => list.map(({ kind }) => kind));
    const used = new Set([...scenariosByKind().keys(), ...measured]);
    expect(Object.keys(hardware.kernels).filter((kind) => !used.has(kind))).to.deep.equal([]);
  });

  it('of transfers are by what is sent and how, in every era', () => {
    for (const era of ERAS) expect(TRANSFERS, era).to.include.members(transferKinds(hardware, era));
  });

  it('are named after no scenario', () => {
    const names = [...Object.values(hardware.transfers).flatMap((kinds) => Object.keys(kinds)), ...TRANSFERS];
    for (const scenario of scenarioNames()) {
      expect(
        names.filter((name) => name.toLowerCase().includes(scenario)),
        scenario,
      ).to.deep.equal([]);
    }
    expect(Object.keys(hardware).filter((key) => SCENARIOS.some((scenario) => scenario === key))).to.deep.equal([]);
  });
});
