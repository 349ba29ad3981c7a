import { withBelow } from './tree.js';
import type { CompletedCommand, CompletedOption, Values } from './tree.js';

/** A text as fish takes it literally. */
const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&').replaceAll('\n', ' ')}'`;

function valueFlags({ words, files }: Values): string {
  return `${words.length > 0 ? ` -a ${quoted(words.join(' '))}` : ''}${files ? ' -F' : ''}`;
}

function optionLine({ names, description, values }: CompletedOption): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
  return `${flags}${values === undefined ? '' : ` ${values.files ? '-r' : '-x'}${valueFlags(values)}`} -d ${quoted(description)}`;
}

function commandLines({ path, options, values, commands }: CompletedCommand): string[] {
  const condition = `complete -c epemu -n ${quoted(`test (__epemu_command) = "${path}"`)}`;
  const places = values.words.length > 0 || values.files ? [valueFlags(values).trim()] : [];
  const below = commands.map(({ name, description }) => `-a ${name} -d ${quoted(description)}`);
  return [...below, ...places, ...options.map(optionLine)].map((line) => `${condition} ${line}`);
}

/** @returns a script that completes a command and all below it in fish. */
export function fishCompletion(root: CompletedCommand): string {
  const commands = withBelow(root);
  const paths = commands.slice(1).map(({ path }) => quoted(path));
  return `# Completion of epemu for fish, made by: epemu completion fish
function __epemu_command
    set -l command epemu
    for word in (commandline -opc)[2..]
        switch "$command $word"
            case ${paths.join(' ')}
                set command "$command $word"
        end
    end
    echo $command
end

complete -c epemu -f
${commands.flatMap(commandLines).join('\n')}
`;
}
