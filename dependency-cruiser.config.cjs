// Data flows one way through the packages: a lower one never imports an upper one.
const LAYERS = [
  'core',
  'http',
  'metrics',
  'presets',
  'kernels',
  'routing',
  'pipelines',
  'config',
  'schedule',
  'compute',
  'fabric',
  'timeline',
  'rank',
  'trace',
  'analysis',
  'pages',
  'published',
  'calibration',
  'outputs',
  'cluster',
  'live',
  'experiments',
  'api',
  'cli',
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-deep-imports',
      comment: 'packages import each other by name, never by file',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/[^/]+/(src|dist)/(?!(client/)?index[.])', pathNot: '^packages/$1/' },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...LAYERS.map((layer, index) => ({
      name: `${layer}-imports-no-upper-layer`,
      severity: 'error',
      from: { path: `^packages/${layer}/` },
      to: { path: `^packages/(${LAYERS.slice(index + 1).join('|') || 'nothing'})/` },
    })),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    // What is built is where package names lead to; it is looked at as a target only.
    doNotFollow: { path: '(node_modules|/dist/)' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'default'] },
  },
};
