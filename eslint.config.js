import eslint from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name: a name says the same thing in every file that imports it.',
}
const noExportAll = {
  selector: 'ExportAllDeclaration',
  message: 'Import from the file that defines the thing; barrels hide where it is and close import cycles.',
}
const environmentMessage =
  'Only src/main.ts reads the environment. Add a setting to src/app/config.ts and take it as a parameter.'

/** Node's globals that plain JavaScript files here use; TypeScript files know theirs from @types/node. */
const nodeGlobals = Object.fromEntries(
  ['process', 'console', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'URL', 'module', 'require'].map(
    (name) => [name, 'readonly'],
  ),
)

export default defineConfig(
  globalIgnores([
    'dist/',
    'data/',
    'node_modules/',
    '.sluice/',
    '.services/',
    'bench/results/',
    'console/src/api/schema.d.ts',
  ]),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } } },
  {
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      // A `default` branch is a decision; without one, every member of the union is named.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'no-restricted-syntax': ['error', noDefaultExport, noExportAll],
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: environmentMessage }],
      'no-restricted-imports': [
        'error',
        {
          paths: ['process', 'node:process'].map((name) => ({
            name,
            importNames: ['env'],
            message: environmentMessage,
          })),
        },
      ],

      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // `() => close()` is how callbacks are written here; the value nobody reads costs nothing.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // `while (true)` with a reason to leave inside is clearer than a flag.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // A port's promise is that failures reject; `async` without `await` is the shortest way to keep it.
      '@typescript-eslint/require-await': 'off',
      // The runner of node:test awaits what these return.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['describe', 'it', 'test', 'suite'] },
          ],
        },
      ],
    },
  },
  {
    // Entry files and tests start processes, so they hand environments on.
    files: ['src/main.ts', 'test/**', 'bench/**', 'scripts/**', 'bin/**', '**/*.config.js', '**/*.{test,fixtures}.ts'],
    rules: { 'no-restricted-properties': 'off', 'no-restricted-imports': 'off' },
  },
  {
    // Plain JavaScript: configuration, and what must run before anything is installed.
    files: ['**/*.js', '**/*.cjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: nodeGlobals },
  },
  {
    // Tools ask for a default export in their configuration files.
    files: ['**/*.config.js'],
    rules: { 'no-restricted-syntax': 'off' },
  },
)
