import { quoted, withBelow } from './tree.js';
import type { CompletedCommand, CompletedOption, Values } from './tree.js';

const HEAD = `#compdef epemu
# Completion of epemu for zsh, made by: epemu completion zsh
_epemu_words_or_files() {
  compadd -- "$@"
  _files
}
`;

/** A text in a specification of _arguments or _describe, in which brackets and colons mean something. */
const plain = (text: string): string => text.replaceAll(/[\\[\]:]/g, '\\$&').replaceAll('\n', ' ');

function action({ words, files }: Values): string {
  // A blank before it: _arguments then adds nothing to the call.
  if (words.length > 0) return files ? ` _epemu_words_or_files ${words.join(' ')}` : `(${words.join(' ')})`;
  return files ? '_files' : ' ';
}

function optionLines({ names, description, values }: CompletedOption): string[] {
  const exclusive = names.length > 1 ? `(${names.join(' ')})` : '*';
  return names.map((name) => {
    // An argument follows the name, or an = sign.
    const argument = values === undefined ? '' : `:${plain(name.replace(/^-+/, ''))}:${action(values)}`;
    return quoted(`${exclusive}${name}${values === undefined ? '' : '='}[${plain(description)}]${argument}`);
  });
}

const functionOf = (path: string): string => `_${path.replaceAll(/[ -]/g, '_')}`;

function commandFunction({ path, options, values, commands }: CompletedCommand): string {
  const lines = options.flatMap(optionLines);
  if (commands.length === 0) {
    const rest = values.words.length > 0 || values.files ? [quoted(`*:argument:${action(values)}`)] : [];
    return `${functionOf(path)}() {
  _arguments -s \\
    ${[...lines, ...rest].join(' \\\n    ')}
}
`;
  }
  const described = commands.map(({ name, description }) => `      ${quoted(`${name}:${plain(description)}`)}`);
  const below = commands.map((command) => `      ${command.name}) ${functionOf(command.path)} ;;`);
  return `${functionOf(path)}() {
  local context state line
  typeset -A opt_args
  _arguments -C -s \\
    ${[...lines, quoted('1: :->command'), quoted('*:: :->below')].join(' \\\n    ')}
  case $state in
    command)
      local -a commands=(
  ${described.join('\n  ')}
      )
      _describe command commands
      ;;
    below)
      case $line[1] in
  ${below.join('\n  ')}
      esac
      ;;
  esac
}
`;
}

/** @returns a script that completes a command and all below it in zsh, in a folder of fpath or sourced. */
export function zshCompletion(root: CompletedCommand): string {
  const functions = withBelow(root).map(commandFunction);
  return `${HEAD}
${functions.join('\n')}
if [[ $funcstack[1] == _epemu ]]; then
  _epemu "$@"
else
  compdef _epemu epemu
fi
`;
}
