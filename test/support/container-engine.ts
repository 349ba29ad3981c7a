import { execFileSync, spawnSync } from 'node:child_process';
import { labScript, runCommand } from './commands.js';
import type { CliEnd } from './run-cli.js';

/** Images that stand in for the official ones there. */
const LAB_IMAGES = { NODE_IMAGE: 'node:20-bookworm-slim', PROMETHEUS_IMAGE: 'prom/prometheus:latest' };

const answers = (command: string, args: readonly string[], environment: NodeJS.ProcessEnv): boolean =>
  spawnSync(command, args, { stdio: 'ignore', env: environment }).status === 0;

/** A container engine with compose. */
export class ContainerEngine {
  readonly #compose: readonly string[];
  readonly #environment: Readonly<Record<string, string | undefined>>;

  private constructor(compose: readonly string[], environment: Readonly<Record<string, string | undefined>>) {
    this.#compose = compose;
    this.#environment = environment;
  }

  /** @returns the machine's engine, or the lab's; undefined when neither answers. */
  static find(): ContainerEngine | undefined {
    for (const environment of [process.env, ContainerEngine.#labEnvironment()]) {
      if (environment === undefined || !answers('docker', ['info'], environment)) continue;
      const compose = [['docker', 'compose'], ['docker-compose']].find(([command, ...args]) =>
        answers(command, [...args, 'version'], environment),
      );
      if (compose !== undefined) return new ContainerEngine(compose, environment);
    }
    return undefined;
  }

  static #labEnvironment(): NodeJS.ProcessEnv | undefined {
    const lab = labScript('EPEMU_CONTAINER_LAB', 'container-lab');
    if (lab === undefined) return undefined;
    const text = execFileSync(lab, ['env'], { encoding: 'utf8' }).replace(/^export /, '');
    const given: Record<string, string> = {};
    for (const pair of text.trim().split(/\s+/))
      given[pair.slice(0, pair.indexOf('='))] = pair.slice(pair.indexOf('=') + 1);
    return { ...LAB_IMAGES, ...process.env, ...given };
  }

  /** Runs a compose command on this repository's compose file. */
  compose(settings: Readonly<Record<string, string>>, ...args: string[]): Promise<CliEnd> {
    const [command, ...first] = this.#compose;
    return runCommand(command, [...first, ...args], { ...this.#environment, ...settings });
  }

  /** Runs a command of the engine itself. */
  docker(...args: string[]): Promise<CliEnd> {
    return runCommand('docker', args, this.#environment);
  }
}
