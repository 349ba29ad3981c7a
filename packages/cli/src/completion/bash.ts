import { quoted, withBelow } from './tree.js';
import type { CompletedCommand, Values } from './tree.js';

/** Bash 3.2, which macOS has, knows no compopt: there names of folders end without a slash. */
const HEAD = `# Completion of epemu for bash, made by: epemu completion bash
_epemu_words() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$1" -- "$current"))
}

_epemu_files() {
  local IFS=$'\\n'
  COMPREPLY+=($(compgen -f -- "$current"))
  compopt -o filenames 2>/dev/null
}

_epemu() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command=epemu i
  # Bash takes = for a word of its own: --routing=balanced is three.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  COMPREPLY=()`;

function reply({ words, files }: Values): string {
  const parts = [
    ...(words.length > 0 ? [`_epemu_words ${quoted(words.join('\n'))}`] : []),
    ...(files ? ['_epemu_files'] : []),
  ];
  return parts.length > 0 ? parts.join('; ') : ':';
}

/** @returns a script that completes a command and all below it in bash. */
export function bashCompletion(root: CompletedCommand): string {
  const commands = withBelow(root);
  const paths = commands.slice(1).map(({ path }) => quoted(path));
  const withValue = commands.flatMap(({ path, options }) =>
    options.flatMap(({ names, values }) =>
      values === undefined
        ? []
        : [`    ${names.map((name) => quoted(`${path} ${name}`)).join(' | ')}) ${reply(values)}; return ;;`],
    ),
  );
  const options = commands.map(
    ({ path, options: own }) =>
      `      ${quoted(path)}) _epemu_words ${quoted(own.flatMap(({ names }) => names).join('\n'))} ;;`,
  );
  const words = commands.map(({ path, commands: below, values }) => {
    const offered = below.length > 0 ? { words: below.map(({ name }) => name), files: false } : values;
    return `    ${quoted(path)}) ${reply(offered)} ;;`;
  });
  return `${HEAD}
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command \${COMP_WORDS[i]}" in
      ${paths.join(' | ')}) command="$command \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$command $previous" in
${withValue.join('\n')}
  esac
  if [[ $current == -* ]]; then
    case $command in
${options.join('\n')}
    esac
    return
  fi
  case $command in
${words.join('\n')}
  esac
}

complete -F _epemu epemu
`;
}
