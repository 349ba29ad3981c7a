// Writes examples/expert-loads.csv: what DeepSeek-V3's 58 MoE layers count of 100,000 tokens where each layer's loads fall
// by Zipf's law, as unevenly as TensorRT-LLM's blog 4 counted layers (the fullest of 32 ranks at 1.5 to 3.5 times the mean).
import { writeFileSync } from 'node:fs';
import { hash32, normalQuantile, unitInterval } from '../packages/core/dist/index.js';
import { skewedLoads } from '../packages/routing/dist/index.js';

const [LAYERS, EXPERTS, ROWS, SEED] = [58, 256, 800_000, 1];
const lines = [
  '# Rows by MoE layer and expert of DeepSeek-V3, as a serving engine dumps them. Made by scripts/write-expert-loads.mjs, not counted.',
  ['layer', ...Array.from({ length: EXPERTS }, (_, expert) => `e${expert}`)].join(','),
];
for (let layer = 0; layer < LAYERS; layer++) {
  const exponent = layer === LAYERS - 3 ? 0.75 : 0.35 + 0.3 * unitInterval(hash32(SEED, layer));
  const law = { law: 'zipf', exponent, range: 1, hotLayer: null, hotExponent: 0, drift: 0 };
  const loads = skewedLoads(law, { seed: SEED, layer, step: 0 }, EXPERTS);
  const sum = loads.reduce((total, load) => total + load, 0);
  const counts = loads.map((load, expert) => {
    const mean = (ROWS * load) / sum;
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normalQuantile(hash32(SEED, layer, expert))));
  });
  lines.push([layer, ...counts].join(','));
}
writeFileSync(new URL('../examples/expert-loads.csv', import.meta.url), `${lines.join('\n')}\n`);
