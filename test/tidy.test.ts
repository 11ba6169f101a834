/** The house rules that no linter knows. Each failure lists what breaks the rule and says what to do. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { apiSchemaFile, apiSchemaText } from '../scripts/api-schema.ts'
import { missingOptionalEntries } from '../scripts/lock-file.ts'
import type { LockFile } from '../scripts/lock-file.ts'
import { configPage } from '../src/app/config.ts'

const root = path.dirname(import.meta.dirname)

/** Files below the folders, as paths from the root with `/`; a folder that does not exist has none. */
const filesOf = (...folders: readonly string[]): readonly string[] =>
  folders
    .filter((folder) => existsSync(path.join(root, folder)))
    .flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join('/')),
    )
    .sort()

const read = (file: string): string =>
  existsSync(path.join(root, file)) ? readFileSync(path.join(root, file), 'utf8') : ''
const unique = (values: readonly string[]): readonly string[] => [...new Set(values)]

const sources = filesOf('src').filter((file) => file.endsWith('.ts'))
const code = [...sources, ...filesOf('test', 'bench', 'scripts', 'bin').filter((file) => /\.[cm]?[jt]s$/.test(file))]
const isTest = (file: string): boolean => file.endsWith('.test.ts')

function assertNone(offenders: readonly string[], whatToDo: string): void {
  assert.ok(offenders.length === 0, `${whatToDo}\n${offenders.map((one) => `  - ${one}`).join('\n')}`)
}

describe('the sources', () => {
  it('have no file with a vague name', () => {
    const vague = /\/(utils?|helpers?|common|shared|types|index|misc)(\.[a-z]+)*\.ts$/
    assertNone(
      sources.filter((file) => vague.test(file)),
      'Name each of these files after the one thing inside:',
    )
  })

  it('have file names in kebab case', () => {
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/
    assertNone(
      sources.filter((file) => !kebab.test(path.posix.basename(file))),
      'Rename these files to kebab-case:',
    )
  })

  it('export by name', () => {
    assertNone(
      sources.filter((file) => /^export default\b/m.test(read(file))),
      'Give the default export of these files a name:',
    )
  })

  it('leave no note without the number of an issue', () => {
    // Put together here so that this file does not find itself.
    const note = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b(?!\\(#\\d+\\))`)
    assertNone(
      code.filter((file) => note.test(read(file))),
      'Do it now, or write TO' + 'DO(#123) with the number of an issue:',
    )
  })
})

describe('the stores', () => {
  const stores = unique(sources.flatMap((file) => /^src\/stores\/[^/]+/.exec(file) ?? []))
  const adapters = unique(sources.flatMap((file) => /^src\/stores\/[^/]+\/[^/]+(?=\/)/.exec(file) ?? []))

  it('have a contract suite each', () => {
    assertNone(
      stores.filter(
        (store) => !sources.some((file) => path.posix.dirname(file) === store && file.endsWith('.contract.ts')),
      ),
      'Write <port>.contract.ts, a suite that takes a factory, beside the port of these stores:',
    )
  })

  it('have a test for each adapter that runs the contract over it', () => {
    const suites = sources.filter((file) => isTest(file) && /from '\.\.?\/[^/']+\.contract\.ts'/.test(read(file)))
    const runsOver = (suite: string, adapter: string): boolean =>
      path.posix.dirname(suite) === adapter ||
      (suite.startsWith(`${path.posix.dirname(adapter)}/`) &&
        new RegExp(`from '\\.\\.?/${path.posix.basename(adapter)}/`).test(read(suite)))
    assertNone(
      adapters
        .filter((adapter) => !adapter.endsWith('/migrations'))
        .filter((adapter) => !suites.some((suite) => runsOver(suite, adapter))),
      'Write a test that runs the contract of the port (`../<port>.contract.ts`) over each of these adapters:',
    )
  })
})

describe('the stages', () => {
  it('have a test beside each step and each rule', () => {
    const steps = sources.filter((file) => /^src\/stages\/[^/]+\/(steps|rules)\//.test(file))
    const isPlain = (file: string): boolean => !/\.(test|contract|fixtures|config|events)\.ts$/.test(file)
    assertNone(
      steps.filter((file) => isPlain(file) && !steps.includes(file.replace(/\.ts$/, '.test.ts'))),
      'Write <step>.test.ts beside these files:',
    )
  })
})

describe('the tests', () => {
  it('have titles that are promises', () => {
    assertNone(
      code.filter((file) => isTest(file) && /\b(it|test)\(\s*['"`]should\b/.test(read(file))),
      'Say what the thing does, not what it should do ("keeps the batch when …"), in the titles of:',
    )
  })
})

describe('ARCHITECTURE.md', () => {
  const architecture = read('ARCHITECTURE.md')

  it('has every folder of src on its map', () => {
    const folders = unique(
      sources
        .map((file) => path.posix.dirname(file).split('/').slice(1, 3).join('/'))
        .filter((folder) => folder !== ''),
    )
    const withParents = unique(folders.flatMap((folder) => [folder.split('/', 1).join(''), folder]))
    assertNone(
      withParents.filter((folder) => !architecture.includes(`${folder}/`)),
      'Give each of these folders of src a line on the map in ARCHITECTURE.md, written with its path (`stages/capture/`):',
    )
  })

  it('shows the graph of imports as it is', () => {
    const shown = /^flowchart [^]*?(?=^```)/m.exec(architecture)
    // `npm run map` prints a graph with numbered nodes; other drawings are the author's own.
    if (shown === null || !shown[0].includes('subgraph 0["src"]')) return
    const drawn = execFileSync(process.execPath, [path.join(root, 'scripts', 'bootstrap.js'), ...mapCommand()], {
      cwd: root,
    })
    assert.equal(
      shown[0].trim(),
      drawn.toString().trim(),
      'Run `npm run map` and put what it prints into ARCHITECTURE.md.',
    )
  })
})

describe('the decisions in docs/adr', () => {
  const decisions = filesOf('docs/adr').filter(
    (file) => file.endsWith('.md') && path.posix.basename(file) !== 'README.md',
  )

  it('are numbered without gaps', () => {
    const numbers = decisions.map((file) => /^(\d{4})-[a-z0-9-]+\.md$/.exec(path.posix.basename(file))?.[1] ?? file)
    assertNone(
      numbers.filter((number, index) => number !== String(index + 1).padStart(4, '0')),
      'Name decisions 0001-title.md, 0002-… without a gap and without a number twice. Out of line:',
    )
  })

  it('have all their parts', () => {
    const parts = ['Status', 'Context', 'Decision', 'Options refused', 'Consequences']
    assertNone(
      decisions.flatMap((file) => {
        const text = read(file)
        const has = (part: string): boolean => new RegExp(`^(#+ *|\\*\\*|- \\**)?${part}\\b`, 'm').test(text)
        return parts.filter((part) => !has(part)).map((part) => `${file}: ${part}`)
      }),
      'Write the missing part of these decisions:',
    )
  })
})

describe('the documents', () => {
  it('say of every dependency what it is for', () => {
    const documented = read('docs/dependencies.md')
    const names = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) =>
      Object.keys(record(manifest()[kind])),
    )
    assertNone(
      names.filter((name) => !documented.includes(`\`${name}\``)),
      'Add a line to docs/dependencies.md for (what for, licence, what else was looked at):',
    )
  })

  it('list no dependency that is gone', () => {
    const listed = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1] ?? '')
    const installed = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) =>
      Object.keys(record(manifest()[kind])),
    )
    assertNone(
      listed.filter((name) => !installed.includes(name)),
      'Remove from docs/dependencies.md:',
    )
  })

  it('show the settings as they are', () => {
    assert.equal(read('docs/run/settings.md'), configPage(), 'Run `npm run docs` and commit docs/run/settings.md.')
  })
})

describe('the types of the API', () => {
  it('are those of its routes', async () => {
    assert.equal(read(apiSchemaFile), await apiSchemaText(), `Run \`npm run client\` and commit ${apiSchemaFile}.`)
  })
})

describe('the fragments of the changelog', () => {
  const fragments = filesOf('changes').filter((file) => file !== 'changes/README.md')

  it('are named after what they are about and their kind', () => {
    assertNone(
      fragments.filter((file) => !/\/[a-z0-9-]+\.(added|changed|fixed|removed|security|breaking)\.md$/.test(file)),
      'Name these as changes/README.md says:',
    )
  })

  it('say what to do when something breaks', () => {
    assertNone(
      fragments.filter((file) => file.endsWith('.breaking.md') && !/^What to do:/m.test(read(file))),
      'Add a paragraph that begins with "What to do:" to:',
    )
  })
})

describe('package.json', () => {
  it('names exact versions', () => {
    const versions = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) =>
      Object.entries(record(manifest()[kind])),
    )
    assertNone(
      versions.filter(([, version]) => !/^\d/.test(String(version))).map(([name]) => name),
      'Write the exact version (npm install --save-exact) of:',
    )
  })

  it('runs every script through the bootstrap', () => {
    const commands = Object.entries(record(manifest()['scripts'])).flatMap(([name, script]) =>
      String(script)
        .split(' && ')
        .map((command) => ({ name, command })),
    )
    assertNone(
      commands
        .filter(({ command }) => !/^((exec )?node scripts\/bootstrap\.js|npm run) /.test(command))
        .map(({ name }) => name),
      'Begin these scripts with `exec node scripts/bootstrap.js`, so that they work in a fresh clone under any Node:',
    )
  })

  it('has a lock file that knows the builds for every platform', () => {
    const lock = JSON.parse(read('package-lock.json')) as LockFile
    assertNone(
      Object.keys(missingOptionalEntries(lock)),
      'Run `npm run lock`; without these entries `npm ci` refuses the lock file:',
    )
  })
})

function manifest(): Record<string, unknown> {
  return record(JSON.parse(read('package.json')))
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function mapCommand(): readonly string[] {
  const script = String(record(manifest()['scripts'])['map']).replace('exec node scripts/bootstrap.js ', '')
  return [...script.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '')
}
