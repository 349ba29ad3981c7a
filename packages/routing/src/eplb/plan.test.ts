import { expect } from 'chai';
import fc from 'fast-check';
import { balanceExperts, eplbPolicy } from './plan.js';
import type { EplbShape } from './plan.js';

/** The README of DeepSeek's EPLB: two layers of 12 experts. */
const EXAMPLE = [
  [90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86],
  [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27],
];
const SHAPE: EplbShape = { replicas: 16, groups: 4, nodes: 2, gpus: 8 };

/** Loads with ties and zeros, and counts that divide as they must. */
const cases = fc
  .record({
    nodes: fc.integer({ min: 1, max: 4 }),
    groups: fc.integer({ min: 1, max: 8 }),
    groupSize: fc.integer({ min: 1, max: 8 }),
    nodeGpus: fc.constantFrom(1, 2, 4, 8),
    more: fc.integer({ min: 0, max: 4 }),
    loads: fc.array(fc.oneof(fc.constantFrom(0, 7), fc.nat(1e6)), { minLength: 64, maxLength: 64 }),
  })
  .map(({ nodes, groups, groupSize, nodeGpus, more, loads }) => {
    const gpus = nodes * nodeGpus;
    const experts = groups * groupSize;
    const replicas = (Math.ceil(experts / gpus) + more) * gpus;
    return { loads: loads.slice(0, experts), shape: { replicas, groups, nodes, gpus } };
  });

describe('EPLB', () => {
  it('gives what the README of DeepSeek’s gives', () => {
    const plans = EXAMPLE.map((loads) => balanceExperts(loads, SHAPE));
    expect(eplbPolicy(SHAPE)).to.equal('hierarchical');
    expect(plans.map(({ physicalToLogical }) => physicalToLogical)).to.deep.equal([
      [5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1],
      [7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1],
    ]);
    expect(plans.map(({ gpuLoadAfter }) => gpuLoadAfter)).to.deep.equal([
      [121.5, 86.5, 125, 113, 147.5, 131.5, 156, 152],
      [173, 179.5, 120.5, 172, 123, 152, 118.5, 117.5],
    ]);
    expect(plans[0].gpuLoadBefore).to.deep.equal([90, 172, 61, 269, 39, 77, 56, 269]);
    expect(plans.flatMap(({ upstreamDuplicates }) => upstreamDuplicates)).to.deep.equal([]);
  });

  it('gives every expert a replica, fills every place, and keeps the load', () => {
    fc.assert(
      fc.property(cases, ({ loads, shape }) => {
        const { physicalToLogical, logicalToPhysical, replicaCount, gpuLoadBefore, gpuLoadAfter } = balanceExperts(
          loads,
          shape,
        );
        expect(physicalToLogical).to.have.length(shape.replicas);
        logicalToPhysical.forEach((places, expert) => {
          expect(places.length).to.equal(replicaCount[expert]).and.to.be.at.least(1);
          for (const physical of places) expect(physicalToLogical[physical]).to.equal(expert);
        });
        expect(replicaCount.reduce((sum, count) => sum + count, 0)).to.equal(shape.replicas);
        const total = loads.reduce((sum, load) => sum + load, 0);
        for (const of of [gpuLoadBefore, gpuLoadAfter]) {
          expect(of).to.have.length(shape.gpus);
          expect(of.reduce((sum, load) => sum + load, 0)).to.be.closeTo(total, 1e-6 * total + 1e-9);
        }
      }),
    );
  });

  it('puts an expert on a GPU twice only where a node’s experts could not fill its GPUs otherwise', () => {
    fc.assert(
      fc.property(cases, ({ loads, shape }) => {
        const { duplicates, upstreamDuplicates } = balanceExperts(loads, shape);
        const nodes = eplbPolicy(shape) === 'global' ? 1 : shape.nodes;
        const avoidable = shape.replicas <= loads.length * (shape.gpus / nodes);
        if (avoidable) expect(duplicates).to.deep.equal([]);
        else expect(duplicates).not.to.deep.equal([]);
        if (duplicates.length > 0) expect(upstreamDuplicates).not.to.deep.equal([]);
      }),
    );
  });

  it('keeps the experts of a group on one node where it is hierarchical', () => {
    fc.assert(
      fc.property(cases, ({ loads, shape }) => {
        fc.pre(eplbPolicy(shape) === 'hierarchical');
        const { logicalToPhysical } = balanceExperts(loads, shape);
        const size = loads.length / shape.groups;
        for (let group = 0; group < shape.groups; group++) {
          const places = logicalToPhysical.slice(group * size, (group + 1) * size).flat();
          const nodes = new Set(places.map((physical) => Math.floor((physical * shape.nodes) / shape.replicas)));
          expect(nodes.size).to.equal(1);
        }
      }),
    );
  });

  it('says where EPLB as published would put an expert on a GPU twice, and does not', () => {
    // One expert has nearly all load: it gets all spare replicas, more than there are GPUs.
    const plan = balanceExperts([1000, 1, 1, 1], { replicas: 8, groups: 1, nodes: 1, gpus: 2 });
    expect(plan.upstreamDuplicates.map(({ expert }) => expert)).to.deep.equal([0, 0]);
    expect(plan.duplicates).to.deep.equal([]);
    expect(plan.replicaCount).to.deep.equal([2, 2, 2, 2]);
    expect(plan.gpuLoadAfter).to.deep.equal([501.5, 501.5]);
  });

  it('leaves experts as they are where each GPU holds one', () => {
    const plan = balanceExperts([3, 1, 2, 9], { replicas: 4, groups: 1, nodes: 1, gpus: 4 });
    expect(plan.physicalToLogical).to.deep.equal([0, 1, 2, 3]);
  });
});
