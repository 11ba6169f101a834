/** Schemathesis reads the document of the API and sends what it allows and what it does not; every answer must be as documented. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { it } from 'node:test'
import { aRunningSluice } from '../harness/installation.ts'
import { seededChance } from '../harness/seed.ts'

const root = resolve(import.meta.dirname, '..', '..')
const python = process.env['SLUICE_TEST_PYTHON'] ?? join(root, '.sluice', 'venv', 'bin', 'python')
const schemathesis = join(dirname(python), 'schemathesis')
const isMissing = !existsSync(schemathesis) && process.env['SLUICE_TEST_REQUIRE_ALL'] !== '1'

const checks = [
  'not_a_server_error',
  'response_schema_conformance',
  'status_code_conformance',
  'content_type_conformance',
]
/** The stream has no end. Sessions have no key, and their tests beside them. */
const excluded = ['followEvents', 'logIn', 'getSession', 'logOut', 'changePassword']

it(
  'answers nothing that its document does not say',
  {
    skip: isMissing ? 'no Schemathesis: .ci/run installs it, SLUICE_TEST_PYTHON names the Python beside it' : false,
  },
  async (t) => {
    const installation = await aRunningSluice(t, {
      SLUICE_API_CHANGES_PER_MINUTE_MAX: '1000000',
      SLUICE_API_STRANGERS_PER_MINUTE_MAX: '1000000',
      SLUICE_QUERY_TIME_MS_MAX: '5000',
    })
    const folder = mkdtempSync(join(tmpdir(), 'sluice-schemathesis-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const events = Array.from({ length: 50 }, (_, n) => ({
      event: `event ${String(n % 3)}`,
      distinct_id: `user ${String(n % 7)}`,
      properties: { n, text: `text ${String(n % 2)}`, list: [n] },
    }))
    assert.equal((await installation.capture(events)).status, 200)
    await installation.settled()
    const { text } = await installation.send('/api/projects', {
      headers: { authorization: `Bearer ${installation.personalKey}` },
    })
    const [project] = (JSON.parse(text) as { readonly projects: readonly { readonly id: number }[] }).projects
    const configuration = join(folder, 'schemathesis.toml')
    writeFileSync(configuration, `[parameters]\n"path.id" = ${String(project?.id)}\n`)

    const seed = String(seededChance().seed)
    const words = [
      ...['--config-file', configuration, 'run', `${installation.url}/api/openapi.json`],
      ...['--url', installation.url, '--header', `Authorization: Bearer ${installation.personalKey}`],
      // Keys and sessions of its own invention would leave most of the API unseen.
      ...['--generation-with-security-parameters', 'false'],
      ...['--checks', checks.join(','), '--phases', 'examples,coverage,fuzzing', '--max-examples', '10'],
      ...['--workers', '2', '--request-timeout', '60', '--seed', seed, '--generation-database', 'none', '--no-color'],
      ...excluded.flatMap((id) => ['--exclude-operation-id', id]),
    ]
    const { code, said } = await run(words, folder)
    assert.equal(code, 0, `${said}\n${installation.tail()}`)
    assert.deepEqual([installation.restarts('core'), installation.restarts('edge')], [0, 0])
  },
)

function run(words: readonly string[], cwd: string): Promise<{ readonly code: unknown; readonly said: string }> {
  return new Promise((done) => {
    execFile(schemathesis, words, { cwd, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 }, (error, out, err) => {
      // Whole request lines are longer than anybody reads.
      const said = `${out}\n${err}`.replaceAll(/(\S{400})\S+/g, '$1…')
      done({ code: error === null ? 0 : (error.code ?? 'ended'), said })
    })
  })
}
