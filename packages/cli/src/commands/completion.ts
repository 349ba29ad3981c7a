import { Argument } from 'commander';
import type { Command } from 'commander';
import { bashCompletion } from '../completion/bash.js';
import { fishCompletion } from '../completion/fish.js';
import { completionTree } from '../completion/tree.js';
import { zshCompletion } from '../completion/zsh.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** Adds `epemu completion`. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a script that completes commands, options and their values in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      `
Install it for one user, and start a new shell:
  epemu completion bash > ~/.local/share/bash-completion/completions/epemu
  epemu completion zsh > ~/.zfunc/_epemu          with fpath+=~/.zfunc before compinit in ~/.zshrc
  epemu completion fish > ~/.config/fish/completions/epemu.fish

Or for this shell alone: source <(epemu completion bash)`,
    )
    .action((shell: keyof typeof SHELLS) => {
      process.stdout.write(SHELLS[shell](completionTree(program)));
    });
}
