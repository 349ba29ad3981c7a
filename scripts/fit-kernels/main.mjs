/**
 * Fits the kernel rates of a GPU to its measured rows and writes them into its preset; rows that are held out are not
 * looked at. `node scripts/fit-kernels/main.mjs h100 h100`: the tables' name of the GPU, and its preset.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { loadHardware } from '@epemu/presets';
import { isHeldOut } from '@epemu/published';
import { errorsOf, fitAll, quantile, rowsOf } from './fit.mjs';
import { STAGES } from './stages.mjs';

const SOURCE =
  'NVIDIA aiconfigurator (ai-dynamo/aiconfigurator, Apache-2.0, commit 095f58a5 of 2026-08-21, systems/data), rows of ' +
  'this GPU measured with SGLang';

const [gpu, name] = process.argv.slice(2);
const file = new URL(`../../packages/presets/data/hardware/${name}.json`, import.meta.url);
const seen = ({ table, row }) => !isHeldOut(table, row);
const fitted = fitAll(loadHardware(name), gpu, seen);

const kernels = {};
for (const stage of STAGES) {
  const rows = rowsOf(stage, gpu);
  for (const [what, some] of [
    ['fitted', rows.filter(seen)],
    ['held out', rows.filter((each) => !seen(each))],
  ]) {
    const errors = errorsOf(fitted, some);
    const percent = (share) => (100 * quantile(errors, share)).toFixed(1).padStart(6);
    console.log(
      `${stage.name.padEnd(45)} ${what.padEnd(8)} ${String(some.length).padStart(4)}${percent(0.5)}${percent(0.9)}`,
    );
  }
  const given = stage.kinds({
    laysOutScales: fitted.kernels['scale-layout'] !== undefined,
    memory: 1,
    kernels: fitted.kernels,
  });
  for (const kind of Object.keys(given)) {
    if (fitted.kernels[kind] === undefined) continue;
    const count = rows.filter(seen).length;
    const spread = Number(quantile(errorsOf(fitted, rows.filter(seen)), 0.5).toFixed(3));
    const { basis, source, count: before, spread: spreadBefore, ...rate } = fitted.kernels[kind];
    kernels[kind] = {
      ...rate,
      basis: 'measured',
      source: `${SOURCE}: ${stage.name}, ${stage.tables.join(', ')}`,
      count,
      spread,
    };
  }
}
// The library of the tables stands in for the one of the training trace, which nobody has run on this GPU alone.
kernels['gemm-fp8'] = {
  ...kernels['deep-gemm-fp8'],
  source: `${kernels['deep-gemm-fp8'].source}; DeepGEMM stands in for the kernel of the H800's traces`,
};

const { moduleLaunchNs, graphGapNs } = fitted.host;
const preset = JSON.parse(readFileSync(file, 'utf8'));
const { kernelGapNs, ...rest } = preset;
const line = (value) => JSON.stringify(value).replaceAll('":', '": ').replaceAll(',"', ', "');
const body = Object.entries({
  ...rest,
  host: { ...rest.host, moduleLaunchNs, graphGapNs },
  kernels: { ...rest.kernels, ...kernels },
})
  .filter(([, value]) => value !== undefined)
  .map(([key, value]) =>
    key === 'kernels' || key === 'sources'
      ? `  "${key}": {\n${Object.entries(value)
          .map(([of, each]) => `    "${of}": ${line(each)}`)
          .join(',\n')}\n  }`
      : `  "${key}": ${line(value)}`,
  );
writeFileSync(file, `{\n${body.join(',\n')}\n}\n`);
