// Who may import whom in src/. The folder names are the layers; see ARCHITECTURE.md.

/** `layer` may import from the listed folders or files of src/, and from itself. */
function layer(name, allowed) {
  const itself = `^src/${name}(/|\\.ts$)`;
  const others = allowed.map((path) => `^src/${path}${path.endsWith('.ts') ? '$' : '/'}`);
  return {
    name: `layer-${name.replaceAll('/', '-')}`,
    comment: `src/${name} may import only ${allowed.join(', ') || 'nothing'} of src/.`,
    severity: 'error',
    from: { path: itself },
    to: { path: '^src/', pathNot: [itself, ...others].join('|') },
  };
}

module.exports = {
  forbidden: [
    layer('errors', []),
    layer('native', ['errors']),
    layer('ring', ['native', 'errors']),
    layer('protocols', ['errors']),
    layer('ingress', ['ring', 'protocols', 'admission', 'errors']),
    layer('admission', ['errors']),
    layer('http', ['admission', 'ingress', 'protocols', 'errors']),
    layer('transports', ['admission', 'http', 'ring', 'protocols', 'ingress', 'errors']),
    layer('control', ['admission', 'http', 'ingress', 'ring', 'protocols', 'errors']),
    layer('cache', ['ring', 'protocols', 'errors', 'native/index.ts']),
    layer('worker', ['ring', 'protocols', 'errors']),
    layer('config', [
      'errors',
      'admission/config.ts',
      'admission/limits.ts',
      'control/config.ts',
      'http/config.ts',
      'http/loopback.ts',
      'ingress/limits.ts',
      'transports/http3/is-enabled.ts',
      'transports/registry.ts',
      'transports/transport.ts',
    ]),
    layer('server', [
      'config',
      'admission',
      'control',
      'http',
      'metrics',
      'transports',
      'ingress',
      'ring',
      'protocols',
      'errors',
    ]),
    layer('metrics', ['ingress', 'ring', 'transports/transport.ts', 'errors']),
    layer('cli', [
      'server.ts',
      'admission',
      'worker',
      'config',
      'ingress/stream-facts.ts',
      'ring',
      'protocols',
      'errors',
    ]),
    {
      name: 'transports-apart',
      comment:
        'A transport knows what stands beside the transports for all of them, and nothing of its siblings.',
      severity: 'error',
      from: { path: '^src/transports/([^/]+)/' },
      to: {
        path: '^src/transports/',
        pathNot:
          '^src/transports/($1/|(transport|drain|counters|grace|open-connections|own-listeners)\\.ts$)',
      },
    },
    {
      name: 'addon-only-in-native',
      comment: 'src/native loads and types the addon; nobody else may.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/native/' },
      to: { path: 'node-gyp-build|\\.node$' },
    },
    {
      name: 'no-cycles',
      comment: 'A cycle has no order in which it can be loaded; types are gone by then.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      comment: 'A module that nobody imports is dead, unless it is an entry of the package.',
      severity: 'error',
      from: { orphan: true, pathNot: '\\.d\\.ts$|^src/(index|cli/main)\\.ts$' },
      to: {},
    },
    {
      name: 'no-undeclared-packages',
      comment: 'What src/ imports must be installed with the package.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.build.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  },
};
