import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { Installation } from '../harness/installation.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { startLoad } from '../harness/load.ts'
import { assertPromisesKept, assertVerified } from '../harness/oracle.ts'
import { seededChance } from '../harness/seed.ts'

const chance = seededChance()

describe('a Sluice whose Postgres is away', () => {
  it('takes events all the same while Postgres is killed again and again', async (test) => {
    const sluice = await aRunningSluice(test)
    const load = startLoad(sluice, { seed: chance.seed })
    await load.more(100)
    const acknowledgedBefore = load.ledger.acknowledged
    for (let n = 0; n < 5; n++) await sluice.kill('postgres')
    assert.ok(load.ledger.acknowledged > acknowledgedBefore)
    assert.equal(load.ledger.faults, 0, 'the door noticed')
    await load.more(200)
    await assertPromisesKept(sluice, await load.stop(), { acknowledgedMin: 300, retriesMin: 0 })
  })

  it('takes events of known and of unknown tokens while Postgres hangs, also when edge and core start meanwhile', async (test) => {
    const sluice = await aRunningSluice(test)
    const status = statuses(sluice)
    await sluice.until('an unknown token being refused', async () => (await status.ofAStranger()) === 401)
    const refused = await captured(sluice, 'phc_mistyped')
    assert.equal(refused.status, 401)
    assert.match(refused.text, /no project has this token.*begins with phc_/)

    const hanging = postgresOf(sluice)
    assert.ok(hanging.length > 1)
    for (const pid of hanging) process.kill(pid, 'SIGSTOP')
    assert.deepEqual([await status.ofTheProject(), await status.ofAStranger()], [200, 200])
    await sluice.kill('core')
    await sluice.kill('edge')
    await sluice.roleReady('edge')
    assert.deepEqual([await status.ofTheProject(), await status.ofAStranger()], [200, 200])
    for (const pid of hanging) process.kill(pid, 'SIGCONT')

    await sluice.ready()
    await sluice.settled()
    const { rows } = await sluice.ask('SELECT count() FROM events')
    assert.equal(Number(rows[0]?.[0]), 2)
    await sluice.until('an unknown token being refused again', async () => (await status.ofAStranger()) === 401)
    await sluice.settled()
    await assertVerified(sluice, 4)
    const { verdict } = await sluice.verify()
    assert.equal(verdict.deadLetter, status.strangersLetIn(), 'what came under a token that nobody has is set aside')
  })
})

/** Sends events one by one; each stranger has a token of his own, because the door remembers for a moment whom Postgres did not know. */
function statuses(sluice: Installation) {
  let strangers = 0
  let letIn = 0
  return {
    ofTheProject: async () => (await captured(sluice, sluice.token)).status,
    async ofAStranger() {
      const { status } = await captured(sluice, `phc_nobody_knows_${String(strangers++)}`)
      if (status === 200) letIn++
      return status
    },
    strangersLetIn: () => letIn,
  }
}

async function captured(sluice: Installation, token: string) {
  return sluice.send('/capture/', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ api_key: token, event: 'any', distinct_id: 'anybody' }),
  })
}

/** The server and its children. */
function postgresOf(sluice: Installation): readonly number[] {
  const server = sluice.process('postgres')?.pid
  assert.ok(typeof server === 'number')
  const children = readdirSync('/proc').flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      return parent === server ? [Number(name)] : []
    } catch {
      return []
    }
  })
  return [server, ...children]
}
