import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, it } from 'node:test'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { configFrom } from '../config.ts'
import type { Launched } from './launch.ts'
import { launchPostgres, readPostgresConnection } from './launch-postgres.ts'

function aLaunch(test: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-launch-'))
  const lives: Launched[] = []
  test.after(async () => {
    for (const life of lives) life.kill()
    await Promise.all(lives.map(({ exited }) => exited))
    rmSync(folder, { recursive: true, force: true })
  })
  mkdirSync(join(folder, 'run'))
  const result = configFrom({ environment: { SLUICE_DATA_DIR: folder }, file: undefined, workingFolder: folder })
  const config = result.kind === 'config' ? result.config : assert.fail()
  const launch = launchPostgres(config, silent)
  return {
    folder,
    /** One life, once it is ready. */
    live: async () => {
      const ready = Promise.withResolvers<number>()
      let pid = 0
      const launched = launch({
        restarts: 0,
        port: undefined,
        spawned: (of) => (pid = of),
        reload: () => Promise.reject(new Error('Nobody asks.')),
        ready: () => ready.resolve(pid),
      })
      lives.push(launched)
      // A start that fails must not be waited for.
      void launched.exited.then(({ how }) => ready.reject(new Error(how)))
      return { launched, pid: await ready.promise }
    },
  }
}

describe('the bundled Postgres as a supervised process', () => {
  it('says how to reach it once it is ready, the same after it was killed', async (test) => {
    const { folder, live } = aLaunch(test)
    assert.equal(readPostgresConnection(folder), undefined)
    const first = await live()
    const connection = readPostgresConnection(folder)
    assert.notEqual(connection, undefined)
    first.launched.kill()
    assert.equal((await first.launched.exited).how, 'SIGKILL')

    const second = await live()
    assert.deepEqual(readPostgresConnection(folder), connection)
    assert.notEqual(second.pid, first.pid)
    second.launched.stop()
    assert.equal((await second.launched.exited).how, 'code 0')
  })
})
