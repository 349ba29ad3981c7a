import { byId, formatBytes } from '@epemu/pages/client';
import { WHOLE_BEFORE_THE_END } from '../state.js';
import type { LiveState, RunHead, RunResult } from '../state.js';
import { openInPerfetto } from './perfetto.js';
import { element, setText } from './text.js';

/** What a file is, for those who do not know its name. */
const WHAT: Readonly<Record<string, string>> = {
  'trace.json.gz': 'all ranks in one trace',
  'host-trace.json.gz': 'what the processes really did',
  'operations.bin.gz': 'what epemu replay reads',
  'report.json': 'the figures',
  'report.html': 'the report page',
  'metrics.prom': 'the figures for Prometheus',
  'config.json': 'the resolved configuration: repeats the run',
  'run.log': 'the log, one JSON object a line',
};

/** What is whole while the run is under way. */
function beforeTheEnd(): HTMLElement[] {
  const table = element('table', '', 'files');
  table.createTBody().append(...WHOLE_BEFORE_THE_END.map((name) => fileRow({ name, bytes: undefined })));
  return [element('p', 'Report, traces and figures are here once the run has ended.', 'note'), table];
}

function fileRow({ name, bytes }: { name: string; bytes: number | undefined }): HTMLTableRowElement {
  const row = element('tr');
  const link = element('a', name);
  link.href = `/files/${name}`;
  link.download = '';
  link.title = WHAT[name] ?? name;
  const cell = element('th');
  cell.scope = 'row';
  cell.append(link);
  row.append(cell, element('td', bytes === undefined ? '' : formatBytes(bytes), 'number'));
  return row;
}

/** Report, downloads and viewer, once there are any. */
export class OutputsView {
  readonly #box = byId('outputs', HTMLElement);
  readonly #actions = byId('actions', HTMLElement);
  readonly #status = byId('perfetto-status', HTMLElement);
  #shown: RunResult | RunHead | null = null;

  show({ head, facts: { result } }: LiveState): void {
    if ((result ?? head) === this.#shown) return;
    this.#shown = result ?? head;
    setText(this.#status, '');
    const title = `${head?.scenario ?? ''} ${head?.runId ?? ''}`;
    this.#actions.replaceChildren(...(result === null ? [] : this.#actionsOf(result, title)));
    if (result !== null) this.#box.replaceChildren(...this.#partsOf(result));
    else if (head !== null) this.#box.replaceChildren(...beforeTheEnd());
  }

  #actionsOf({ files }: RunResult, title: string): HTMLElement[] {
    const has = (name: string): boolean => files.some((file) => file.name === name);
    const actions: HTMLElement[] = [];
    if (has('report.html')) {
      const link = element('a', 'Open the report', 'action');
      link.href = '/report.html';
      link.target = '_blank';
      actions.push(link);
    }
    if (has('trace.json.gz')) actions.push(this.#perfettoButton('/files/trace.json.gz', title));
    return actions;
  }

  #partsOf({ files, digest, folder }: RunResult): HTMLElement[] {
    const table = element('table', '', 'files');
    table.createTBody().append(...files.map(fileRow));
    const facts = element('dl', '', 'facts');
    facts.append(element('dt', 'digest'), element('dd', digest ?? 'none: ranks are missing'));
    const place = element('dd', folder, 'folder');
    place.title = folder;
    facts.append(element('dt', 'folder'), place);
    return [table, facts];
  }

  #perfettoButton(path: string, title: string): HTMLButtonElement {
    const button = element('button', 'Open in Perfetto', 'action');
    button.type = 'button';
    button.title = 'Opens ui.perfetto.dev in a new tab; the trace stays in this browser';
    button.addEventListener('click', () => {
      button.disabled = true;
      setText(this.#status, 'Perfetto opens…');
      openInPerfetto(path, title)
        .then(
          () => 'The trace was handed to Perfetto, in this browser.',
          (error: unknown) => `Perfetto has no trace: ${error instanceof Error ? error.message : String(error)}.`,
        )
        .then((said) => {
          setText(this.#status, said);
          button.disabled = false;
        })
        .catch(() => undefined);
    });
    return button;
  }
}
