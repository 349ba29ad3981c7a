import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { PageData } from './page-data.js';
import { reportPage } from './report-page.js';

const HOSTILE = `</script></style><img src=x onerror="alert(1)"><!-- ' & ]]>`;

const EMPTY: PageData = {
  kind: 'run',
  title: 'decode, 2 ranks',
  subtitle: 'seed 1',
  warnings: [],
  finding: '',
  figures: [],
  layers: [],
  timeline: null,
  ranks: [],
  matrix: null,
  tables: [],
  configuration: null,
  statement: null,
  epemuVersion: '0.1.0',
};

/** A page whose every string is one. */
function pageSaying(text: string): PageData {
  const slices = { track: [0], startNs: [0], durationNs: [10], name: [0] };
  return {
    kind: 'run',
    title: text,
    subtitle: text,
    warnings: [text],
    finding: text,
    figures: [{ label: text, value: text, note: text }],
    layers: [{ title: text, startNs: 0, endNs: 10, rows: [], gates: [] }],
    timeline: {
      endNs: 10,
      tracks: [{ group: text, name: text, role: 'computation' }],
      names: [text],
      kernels: { ...slices, class: [0], phase: [0] },
      phases: slices,
      flows: { fromTrack: [], fromNs: [], toTrack: [], toNs: [] },
      path: { track: [], startNs: [], endNs: [] },
      exposed: { track: [0], startNs: [0], endNs: [5], phase: [0] },
      note: text,
    },
    ranks: [{ rank: text, overlapPct: 50, computeBusyPct: 60, commBusyPct: 30, exposedPct: 15, idlePct: 25 }],
    matrix: { ranks: 2, nodeSize: 2, bytes: [0, 1.2e9, 5, 0] },
    tables: [
      {
        id: text,
        title: text,
        note: text,
        columns: [{ label: text, align: 'delta' }],
        rows: Array.from({ length: 50 }, (_, row) => ({ cells: [text], flagged: row === 45 })),
      },
    ],
    configuration: { [text]: text },
    statement: { real: text, modelled: text },
    epemuVersion: text,
  };
}

const headings = (page: string): string[] => [...page.matchAll(/<h2 [^>]*>([^<]*)</g)].map(([, text]) => text);

describe('report page', () => {
  it('has its sections in order', () => {
    expect(headings(reportPage(pageSaying('text')))).to.deep.equal([
      'Warning',
      'Finding',
      'One layer',
      'Timeline',
      'Ranks',
      'Bytes between ranks',
      'text',
      'Configuration',
      'What is real and what is modelled',
    ]);
  });

  it('leaves out what there is nothing of', () => {
    const page = reportPage(EMPTY);
    expect(headings(page)).to.deep.equal([]);
    expect(page).to.include('<h1>decode, 2 ranks</h1>').and.to.include('epemu 0.1.0');
    expect(page).not.to.include('<section');
    const silent = reportPage({ ...EMPTY, matrix: { ranks: 1, nodeSize: 8, bytes: [0] } });
    expect(silent).not.to.include('<section');
  });

  it('shows hostile strings as text, wherever they stand', () => {
    const elements = (page: string): string[] => [...page.matchAll(/<\/?[a-z!][a-z0-9-]*/gi)].map(([tag]) => tag);
    const page = reportPage(pageSaying(HOSTILE));
    expect(page).not.to.include('<img').and.not.to.include('<!--');
    // Not one element more or less than with harmless strings.
    expect(elements(page)).to.deep.equal(elements(reportPage(pageSaying('text'))));
  });

  it('needs nothing from elsewhere, and allows only the script that it holds', () => {
    const page = reportPage(pageSaying('text'));
    expect(page).not.to.match(/https?:|\bsrc=|<link|@import|url\(/);
    const script = /<script>(.*)<\/script>\n<\/body>/s.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(script).digest('base64');
    expect(page).to.include(`default-src &#39;none&#39;; script-src &#39;sha256-${hash}&#39;`);
  });

  it('puts the picture of each layer where it belongs', () => {
    expect(reportPage(pageSaying('text'))).to.match(/aria-label="text"><svg [^>]*role="img"/);
  });

  it('folds rows beyond the fortieth, and says what stands out among them', () => {
    const page = reportPage(pageSaying('text'));
    expect(page).to.include('Show all 50 rows, 1 of those below stand out');
    const [shown, folded] = page.split('<tbody id="rest-text" hidden>');
    expect(shown.split('<table id="text">')[1].match(/<tr/g)).to.have.lengthOf(1 + 40);
    expect(folded.split('</tbody>')[0].match(/<tr/g)).to.have.lengthOf(10);
    expect(folded).to.include('<tr class="flagged">');
  });

  it('colours signed cells of a column of differences', () => {
    const table = {
      ...pageSaying('a').tables[0],
      columns: [
        { label: 'name', align: 'left' as const },
        { label: 'B − A', align: 'delta' as const },
      ],
      rows: ['+1 %', '−2 %', '+0.0'].map((cell) => ({ cells: ['x', cell], flagged: false })),
    };
    const page = reportPage({ ...EMPTY, tables: [table] });
    expect(page).to.include('class="number rises">+1 %').and.to.include('class="number falls">−2 %');
    expect(page).to.include('class="number">+0.0<');
  });

  it('begins with links to its sections, where it has more than are in sight', () => {
    const page = reportPage(pageSaying('text'));
    const links = [...page.matchAll(/<a href="#([^"]+)">([^<]*)</g)];
    // What warns stands above them.
    expect(links.map(([, , text]) => text)).to.deep.equal(headings(page).slice(1));
    for (const [, id] of links) expect(page).to.include(`<h2 id="${id}">`);
    expect(reportPage(EMPTY)).not.to.include('class="contents"');
  });

  it('says in a line what is even over the ranks, and draws what is not', () => {
    const shares = { overlapPct: 80, computeBusyPct: 60, commBusyPct: 30, exposedPct: 5, idlePct: 4 };
    const ranks = Array.from({ length: 8 }, (_, rank) => ({
      ...{ ...shares, rank: String(rank), overlapPct: 80 + rank / 5, idlePct: 4 * rank },
    }));
    const page = reportPage({ ...EMPTY, ranks });
    expect(page).to.include('even, 80.7 % ±0.7 points on all 8 ranks').and.include('even, 60.0 % ±0.0 points');
    expect(page.match(/class="rank-chart"/g)).to.have.lengthOf(1);
    expect(page).to.include('rank-labels');
    const even = reportPage({ ...EMPTY, ranks: ranks.map((each) => ({ ...each, idlePct: 4 })) });
    expect(even).not.to.include('class="rank-chart"');
  });

  it('colours what is better and what is worse, by what is better of a row', () => {
    const columns = [{ label: 'figure', align: 'left' } as const, { label: 'B − A', align: 'delta' } as const];
    const row = (cell: string, better: 'less' | 'more'): PageData['tables'][number]['rows'][number] => {
      return { cells: ['x', cell], flagged: false, better };
    };
    const rows = [row('−5 µs', 'less'), row('+5 µs', 'less'), row('+5', 'more'), row('−5', 'more'), row('0', 'less')];
    const page = reportPage({ ...EMPTY, tables: [{ id: 't', title: 't', note: '', columns, rows }] });
    const kinds = [...page.matchAll(/<td class="number ?(\w*)">/g)].map(([, kind]) => kind);
    expect(kinds).to.deep.equal(['better', 'worse', 'better', 'worse', '']);
  });
});
