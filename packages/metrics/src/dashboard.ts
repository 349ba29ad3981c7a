import { METRICS } from './catalogue.js';
import type { PanelSketch } from './dashboard-panel.js';
import { SECTIONS } from './dashboard-sections.js';
import type { Dashboard, DatasourceReference, GridPosition, Panel, Row, Variable } from './grafana.js';
import { RUN_STATES } from './states.js';

const DATASOURCE: DatasourceReference = { type: 'prometheus', uid: '${datasource}' };
const COLUMNS = 24;

/** Where a panel begins, filling rows of 24 columns from the left. */
class Flow {
  #x = 0;
  #y = 0;
  #height = 0;

  place(w: number, h: number): GridPosition {
    if (this.#x + w > COLUMNS) this.#wrap();
    const place = { x: this.#x, y: this.#y, w, h };
    this.#x += w;
    this.#height = Math.max(this.#height, h);
    return place;
  }

  /** A heading has a line of its own. */
  heading(): GridPosition {
    this.#wrap();
    const place = this.place(COLUMNS, 1);
    this.#wrap();
    return place;
  }

  #wrap(): void {
    this.#y += this.#height;
    this.#x = 0;
    this.#height = 0;
  }
}

function panelOf(sketch: PanelSketch, id: number, gridPos: GridPosition): Panel {
  const { type, title, description, unit, queries, defaults = {}, options = {} } = sketch;
  // Over time, or as it stands last: a table and a bar show one value of each series.
  const table = type === 'table';
  return {
    id,
    type,
    title,
    description,
    datasource: DATASOURCE,
    gridPos,
    targets: queries.map(([expr, legendFormat], i) => ({
      refId: String.fromCharCode(65 + i),
      datasource: DATASOURCE,
      expr,
      legendFormat,
      range: !table,
      instant: table,
      format: table ? 'table' : 'time_series',
    })),
    fieldConfig: { defaults: { unit, ...defaults }, overrides: [] },
    options,
  };
}

/** A choice among the values of a label; those of chosen values of the ones before it. */
function choice(name: string, label: string, source: string): Variable {
  const query = `label_values(${source}, ${name})`;
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    current: { text: 'All', value: '$__all' },
  };
}

/** @returns the dashboard for Grafana. */
export function dashboard(): Dashboard {
  const flow = new Flow();
  const panels: (Row | Panel)[] = [];
  for (const { title, height, panels: sketches } of SECTIONS) {
    panels.push({ id: panels.length + 1, type: 'row', title, collapsed: false, gridPos: flow.heading(), panels: [] });
    for (const sketch of sketches) {
      panels.push(panelOf(sketch, panels.length + 1, flow.place(sketch.width, height)));
    }
  }
  const { name } = METRICS.runInfo;
  return {
    uid: 'epemu',
    title: 'epemu',
    description: `A run of epemu: ${RUN_STATES.join(', ')}. Virtual time is that of the modelled GPUs, host time that of these processes.`,
    tags: ['epemu'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '5s',
    time: { from: 'now-15m', to: 'now' },
    timepicker: { refresh_intervals: ['1s', '5s', '10s', '30s', '1m'] },
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', refresh: 1 },
        choice('scenario', 'Scenario', name),
        choice('run', 'Run', `${name}{scenario=~"$scenario"}`),
        choice('job', 'Job', `${name}{scenario=~"$scenario",run=~"$run"}`),
        choice('instance', 'Process', `${name}{scenario=~"$scenario",run=~"$run",job=~"$job"}`),
      ],
    },
    panels,
  };
}
