import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { freePort } from '../../src/kit/free-port.fixtures.ts'
import { nodeFiles } from '../../src/kit/node-files.ts'
import { silent } from '../../src/kit/telemetry/telemetry.ts'
import { trimJournal } from '../../src/stores/log/segments/trim-journal.ts'
import type { Answer } from '../harness/http-client.ts'
import type { Installation } from '../harness/installation.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { assertVerified } from '../harness/oracle.ts'
import { cluster } from '../harness/profiles.ts'

const eventType = 'order placed'
const quotaEvents = 1000

describe('a quota of a thousand events on one machine', () => {
  it('lets exactly a thousand of two thousand requests in, across a SIGKILL of the door and the removal of old segments', async (test) => {
    const sluice = await aRunningSluice(test, { SLUICE_INTAKE_SEGMENT_BYTES_MAX: String(64 * 1024) })
    const projectPath = await limitedAt([sluice], sluice)

    // One after the other, because a segment takes all that waits together.
    for (let wave = 0; wave < 10; wave++) {
      assert.deepEqual(await sendAll(sluice, 50), { stored: 50, duplicate: 0, quota_limited: 0 })
    }
    await sluice.settled()
    assert.equal(await sluice.stop(), 0)
    const removed = await trimJournal({
      files: nodeFiles,
      folder: join(sluice.dataFolder, 'edge/journal'),
      retentionMs: 0,
      readers: [{ reader: 'warehouse', lane: 'events_plugin_ingestion' }],
      telemetry: silent,
      nowMs: Date.now() + 1,
    })
    assert.ok(removed.length >= 3, `only ${String(removed.length)} segments were removed`)
    await sluice.start()

    const sending = sendAll(sluice, 1500)
    await sluice.until('some of them being stored', async () => (await usedOf(sluice, projectPath)) >= 600)
    await sluice.kill('edge')
    const { stored, duplicate, quota_limited: limited } = await sending
    // One that was stored without an answer was sent again.
    assert.equal(stored + duplicate, quotaEvents - 500)
    assert.equal(limited, 1000)
    const used = await sluice.until('what is used', async () => (await usedOf(sluice, projectPath)) || undefined)
    assert.equal(used, quotaEvents)

    await sluice.settled()
    assert.deepEqual(await rowsOf(sluice), [quotaEvents, quotaEvents])
    // It looks at what the log still holds.
    const { code, verdict } = await sluice.verify()
    assert.equal(code, 0, JSON.stringify(verdict))
  })
})

describe(`a quota of a thousand events ${cluster.where}`, { skip: cluster.skip }, () => {
  it('lets exactly a thousand of twelve hundred requests in at two doors', async (test) => {
    const engines = await cluster.engines(test)
    const address = `127.0.0.1:${String(await freePort())}`
    const first = await aRunningSluice(engines, { ...engines.settings, SLUICE_CORE_LISTEN: address })
    const second = await aRunningSluice(engines, {
      ...engines.settings,
      SLUICE_ROLES: 'edge',
      SLUICE_CORE_ADDRESS: address,
      SLUICE_PROJECT_TOKEN: first.token,
    })
    const projectPath = await limitedAt([first, second], first)
    const [here, there] = await Promise.all([sendAll(first, 600), sendAll(second, 600)])
    assert.deepEqual([here.stored + there.stored, here.quota_limited + there.quota_limited], [quotaEvents, 200])
    assert.equal(await usedOf(first, projectPath), quotaEvents)
    await first.settled()
    assert.deepEqual(await rowsOf(first), [quotaEvents, quotaEvents])
    await assertVerified(first, quotaEvents)
  })

  it('lets no more in across a SIGKILL of the door, and fewer by what was under way at most', async (test) => {
    const sluice = await aRunningSluice(test, {}, cluster)
    const projectPath = await limitedAt([sluice], sluice)
    const atOnce = 40
    const sending = sendAll(sluice, 1200, atOnce)
    await sluice.until('some of them being stored', async () => (await usedOf(sluice, projectPath)) >= 300)
    await sluice.kill('edge')
    const { stored, duplicate } = await sending
    // What was debited without an answer is debited once more when it comes again.
    assert.ok(stored + duplicate <= quotaEvents && stored + duplicate >= quotaEvents - atOnce, String(stored))
    await sluice.settled()
    const [rows, ids] = await rowsOf(sluice)
    assert.equal(rows, ids)
    assert.ok(ids <= quotaEvents && ids >= stored + duplicate, String(ids))
    await assertVerified(sluice, ids)
  })
})

/** Has the quota in effect at all doors; gives the path of the project. */
async function limitedAt(doors: readonly Installation[], sluice: Installation): Promise<string> {
  const projectPath = await projectPathOf(sluice)
  await limit(sluice, projectPath, eventType, quotaEvents)
  // A door hears of limits in the order in which they were made: once it knows this one, it knows the other.
  await limit(sluice, projectPath, 'nobody may', 0)
  for (const door of doors) {
    await door.until('the limits being in effect at the door', async () => {
      const { headers } = await door.capture([{ event: 'nobody may', distinct_id: 'a' }])
      return verdictOf(headers) === 'quota_limited'
    })
  }
  return projectPath
}

/** Rows, and how many different events they are. */
async function rowsOf(sluice: Installation): Promise<readonly [number, number]> {
  const { rows } = await sluice.ask(`SELECT count(), uniqExact(uuid) FROM events WHERE event = '${eventType}'`)
  return [Number(rows[0]?.[0]), Number(rows[0]?.[1])]
}

async function projectPathOf(sluice: Installation): Promise<string> {
  const { text } = await sluice.send('/api/projects', { headers: asAdmin(sluice) })
  const { projects } = JSON.parse(text) as { readonly projects: readonly { readonly id: number }[] }
  assert.equal(projects.length, 1, text)
  return `/api/projects/${String(projects[0]?.id)}`
}

async function limit(sluice: Installation, projectPath: string, name: string, eventsMax: number): Promise<void> {
  const answer = await sluice.send(`${projectPath}/limits`, {
    method: 'POST',
    headers: { ...asAdmin(sluice), 'content-type': 'application/json' },
    body: JSON.stringify({ event_type: name, quota: { events_max: eventsMax, period: 'ever' } }),
  })
  assert.equal(answer.status, 201, answer.text)
}

/** What the door has counted under the quota; 0 while it does not answer in time. */
async function usedOf(sluice: Installation, projectPath: string): Promise<number> {
  const answer = await sluice.send(`${projectPath}/limits`, { headers: asAdmin(sluice) }).catch(() => undefined)
  if (answer?.status !== 200) return 0
  const { limits } = JSON.parse(answer.text) as {
    readonly limits: readonly {
      readonly event_type: string
      readonly used: readonly { readonly quota_events: number | null }[] | null
    }[]
  }
  return limits.find(({ event_type: name }) => name === eventType)?.used?.[0]?.quota_events ?? 0
}

/** So many requests of one event each, each sent again until the door decided about it; how many got which verdict. */
async function sendAll(sluice: Installation, count: number, atOnce = count) {
  const counts = { stored: 0, duplicate: 0, quota_limited: 0 }
  let next = 0
  const sendSome = async (): Promise<void> => {
    while (next < count) {
      const event = { event: eventType, distinct_id: `user ${String(next++ % 97)}`, uuid: randomUUID() }
      const properties = { note: 'n'.repeat(600) }
      const { headers } = await sluice.until('a decision', async () => {
        const answer = await sluice.capture([{ ...event, properties }]).catch((): Answer | undefined => undefined)
        return answer?.headers['sluice-verdicts'] === undefined ? undefined : answer
      })
      counts[verdictOf(headers)]++
    }
  }
  await Promise.all(Array.from({ length: atOnce }, sendSome))
  return counts
}

function verdictOf(headers: Answer['headers']): 'stored' | 'duplicate' | 'quota_limited' {
  const text = String(headers['sluice-verdicts'])
  if (text === 'stored=1') return 'stored'
  if (text === 'stored=0, duplicate=1') return 'duplicate'
  assert.equal(text, 'stored=0, quota_limited=1')
  return 'quota_limited'
}

function asAdmin({ personalKey }: Installation): Record<string, string> {
  return { authorization: `Bearer ${personalKey}` }
}
