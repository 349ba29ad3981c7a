import { hardwareNames, loadHardware, loadModel, loadPreset, modelNames } from '@epemu/presets';
import type { HardwarePreset, LinkPort, ModelPreset } from '@epemu/presets';
import type { Command } from 'commander';
import { plainTable } from '../plain-table.js';
import { presetText } from '../preset-text.js';

/** How many kernels and transfers of a preset rest on what: `41 measured, 3 assumed`. */
function basesText(preset: HardwarePreset): string {
  const counts = new Map<string, number>();
  const transfers = Object.values(preset.transfers).flatMap((kinds) => Object.values(kinds));
  for (const { basis } of [...Object.values(preset.kernels), ...transfers]) {
    counts.set(basis, (counts.get(basis) ?? 0) + 1);
  }
  return [...counts].map(([basis, count]) => `${count} ${basis}`).join(', ');
}

/** Bandwidth of the fastest link of a reach, GB/s; empty where there is none. */
function fastest(ports: HardwarePreset['ports'], reach: LinkPort['reach']): string {
  const found = Object.values(ports).filter((port) => port.reach === reach);
  return found.length === 0 ? '' : String(Math.max(...found.map(({ bandwidthGBps }) => bandwidthGBps)));
}

function hardwareRow(preset: HardwarePreset): string[] {
  const { name, gpu, nodeSize, ports, defaultEra } = preset;
  const figures = [String(gpu.sms), String(nodeSize), fastest(ports, 'node'), fastest(ports, 'cluster')];
  return ['hardware', name, gpu.name, ...figures, defaultEra, basesText(preset)];
}

function attentionText({ attention }: ModelPreset): string {
  if (attention.kind === 'mla') return `MLA, ${attention.heads} heads`;
  return `GQA, ${attention.heads} heads on ${attention.kvHeads}`;
}

function modelRow(model: ModelPreset): string[] {
  const { name, hidden, layers, denseLayers, experts, sharedExperts, topK } = model;
  const figures = [hidden, `${layers} (${denseLayers} dense)`, `${experts} + ${sharedExperts} shared`, topK].map(
    String,
  );
  return ['model', name, ...figures, attentionText(model)];
}

const HARDWARE_HEAD = ['kind', 'name', 'GPU', 'SMs', 'node size', 'NVLink GB/s', 'NIC GB/s', 'era', 'rates rest on'];
const MODEL_HEAD = ['kind', 'name', 'hidden', 'layers', 'experts', 'top-k', 'attention'];

function listText(hardware: readonly HardwarePreset[], models: readonly ModelPreset[]): string {
  const hardwareTable = plainTable(HARDWARE_HEAD, hardware.map(hardwareRow), [3, 4, 5, 6]);
  const modelTable = plainTable(MODEL_HEAD, models.map(modelRow), [2, 5]);
  const described = [...hardware, ...models].map(({ name, description }) => [name, description ?? '']);
  const tables = [hardwareTable, modelTable, plainTable(['name', 'what it is'], described)];
  return `${tables.map((table) => table.replace(/ +$/gm, '')).join('\n\n')}\n`;
}

/** Adds `epemu presets`. */
export function addPresetsCommand(program: Command): void {
  program
    .command('presets')
    .description('list the hardware and model presets, or show every value of one with its source')
    .argument('[name]', 'a built-in preset, or the path of one of your own')
    .option('--json', 'print the list, or the whole preset, as JSON')
    .addHelpText(
      'after',
      `
GB/s are what a port carries in one direction. docs/presets.md says how to write a preset of your own.

Examples:
  epemu presets
  epemu presets h200
  epemu presets kimi-k2 --json
  epemu presets ./my-cluster.json              checks the file, and shows what it makes of its base`,
    )
    .action((name: string | undefined, flags: { json?: boolean }) => {
      if (name !== undefined) {
        const loaded = loadPreset(name);
        process.stdout.write(flags.json === true ? `${JSON.stringify(loaded.preset, null, 1)}\n` : presetText(loaded));
        return;
      }
      const hardware = hardwareNames().map((hardwareName) => loadHardware(hardwareName));
      const models = modelNames().map((modelName) => loadModel(modelName));
      process.stdout.write(
        flags.json === true ? `${JSON.stringify({ hardware, models }, null, 1)}\n` : listText(hardware, models),
      );
    });
}
