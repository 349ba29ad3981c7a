import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The repository's root, from dist-test/support. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** A script that gives a Debian machine without an engine one, where there is such a script. */
const LAB =
  process.env['EPEMU_CONTAINER_LAB'] ?? fileURLToPath(new URL('../../../shared/container-lab/lab', import.meta.url));
/** Images that stand in for the official ones there. */
const LAB_IMAGES = { NODE_IMAGE: 'node:20-bookworm-slim', PROMETHEUS_IMAGE: 'prom/prometheus:latest' };

const answers = (command: string, args: readonly string[], environment: NodeJS.ProcessEnv): boolean =>
  spawnSync(command, args, { stdio: 'ignore', env: environment }).status === 0;

/** How a command of an engine ended. */
export interface EngineEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

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
    if (!existsSync(LAB)) return undefined;
    const text = execFileSync(LAB, ['env'], { encoding: 'utf8' }).replace(/^export /, '');
    const given: Record<string, string> = {};
    for (const pair of text.trim().split(/\s+/))
      given[pair.slice(0, pair.indexOf('='))] = pair.slice(pair.indexOf('=') + 1);
    return { ...LAB_IMAGES, ...process.env, ...given };
  }

  /** Runs a compose command on this repository's compose file. */
  compose(settings: Readonly<Record<string, string>>, ...args: string[]): Promise<EngineEnd> {
    const [command, ...first] = this.#compose;
    return this.#run(command, [...first, ...args], settings);
  }

  /** Runs a command of the engine itself. */
  docker(...args: string[]): Promise<EngineEnd> {
    return this.#run('docker', args, {});
  }

  async #run(command: string, args: readonly string[], settings: Readonly<Record<string, string>>): Promise<EngineEnd> {
    const environment = { ...this.#environment, ...settings };
    try {
      const { stdout, stderr } = await run(command, args, { cwd: ROOT, env: environment, maxBuffer: 64 * 1024 * 1024 });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: number; stdout: string; stderr: string };
      return { code: typeof code === 'number' ? code : 1, stdout, stderr };
    }
  }
}
