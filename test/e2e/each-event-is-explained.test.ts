import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { JourneyAnswer } from '../../src/app/http/routes/journey.ts'
import type { Installation } from '../harness/installation.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { send } from '../harness/http-client.ts'

interface Receipt {
  readonly uuid: string
  readonly verdict: string
  readonly position: string
}

/** Of a process, as /proc tells it. */
function childrenOf(parent: number): readonly number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.filter((pid) => {
    try {
      return (
        Number(
          readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
            .split(') ')[1]
            ?.split(' ')[1],
        ) === parent
      )
    } catch {
      return false
    }
  })
}

describe('the journey of an event', () => {
  const cleanings: (() => Promise<void>)[] = []
  let sluice: Installation
  let token: string
  before(async () => {
    sluice = await aRunningSluice({ after: (clean) => void cleanings.push(clean) })
    token = sluice.token
  })
  after(async () => {
    for (const clean of cleanings) await clean()
  })

  const api = async (path: string, method = 'GET', body?: object) =>
    await send(`${sluice.url}/api${path}`, {
      method,
      headers: {
        authorization: `Bearer ${sluice.personalKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const capture = async (...batch: readonly object[]): Promise<readonly Receipt[]> => {
    const answer = await sluice.send('/batch/?receipts=1', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ api_key: token, batch }),
    })
    assert.equal(answer.status, 200, answer.text)
    return (JSON.parse(answer.text) as { readonly receipts: readonly Receipt[] }).receipts
  }
  const byApi = async (uuid: string, project = 1): Promise<JourneyAnswer> => {
    const { status, text } = await api(`/projects/${String(project)}/events/${uuid}/journey`)
    assert.equal(status, 200, text)
    return JSON.parse(text) as JourneyAnswer
  }
  /** By the command line, which must say the same as the API. */
  const explained = async (uuid: string): Promise<JourneyAnswer> => {
    const { code, out, err } = await sluice.run(['explain', uuid, '--json'])
    assert.equal(code, 0, err)
    const journey = JSON.parse(out) as JourneyAnswer
    const { fate, occurrences } = await byApi(uuid)
    assert.deepEqual({ fate, occurrences }, { fate: journey.fate, occurrences: journey.occurrences })
    return journey
  }
  const stepsOf = ({ occurrences }: JourneyAnswer, at = 0): readonly string[] =>
    (occurrences[at]?.steps ?? []).map(({ stage, verdict }) => `${stage}: ${verdict}`)

  it('says of a parked one why, and lists it among the dead letters', async () => {
    const made = await api('/projects/1/tokens', 'POST')
    assert.equal(made.status, 201, made.text)
    // The harness finds the project by the token, and remembers it.
    await sluice.settled()
    const uuid = randomUUID()
    const edge = sluice.process('edge')?.pid
    assert.ok(typeof edge === 'number')
    // The token is revoked while the edge cannot notice: it lets the event in, and ingestion finds nobody who has the token.
    process.kill(edge, 'SIGSTOP')
    // On its way before the token is revoked: the edge hears of that at once when it goes on.
    const sending = capture({ event: 'parked', distinct_id: 'ada', uuid })
    const revoked = await send(`http://core/api/projects/1/tokens/${token}`, {
      method: 'DELETE',
      socketPath: join(sluice.dataFolder, 'run', 'core.sock'),
      headers: { authorization: `Bearer ${sluice.personalKey}` },
    })
    // The edge hears of it when it goes on, but nobody tells it more until the event is in.
    const backends = childrenOf(sluice.process('postgres')?.pid ?? -1)
    for (const pid of backends) process.kill(pid, 'SIGSTOP')
    process.kill(edge, 'SIGCONT')
    const [receipt] = await sending.finally(() => {
      for (const pid of backends) process.kill(pid, 'SIGCONT')
    })
    assert.equal(revoked.status, 204, revoked.text)
    assert.equal(receipt?.verdict, 'stored')
    await sluice.settled()

    const journey = await explained(uuid)
    assert.equal(journey.fate, 'parked')
    assert.deepEqual(stepsOf(journey), ['door: stored', 'ingestion: parked'])
    assert.match(journey.summary, /keeps it as a dead letter: unknown_token/)
    const { text } = await api('/projects/1/dead-letters')
    const { dead_letters: letters } = JSON.parse(text) as { dead_letters: Readonly<Record<string, unknown>>[] }
    assert.deepEqual(
      letters.map(({ uuid: id, stage, step, reason, distinct_id }) => [id, stage, step, reason, distinct_id]),
      [[uuid, 'ingestion', 'project', 'unknown_token', 'ada']],
    )
    token = (JSON.parse(made.text) as { readonly token: string }).token
  })

  it('goes from the door to the table, with the token and the time of its insert', async () => {
    const [receipt] = await capture({ event: 'stored', distinct_id: 'ada' })
    assert.ok(receipt !== undefined)
    await sluice.settled()
    const journey = await explained(receipt.uuid)
    assert.equal(journey.fate, 'in_table')
    assert.deepEqual(stepsOf(journey), ['door: stored', 'ingestion: row', 'warehouse: inserted', 'table: row'])
    const [door, , insert] = journey.occurrences[0]?.steps ?? []
    const { partition, offset } = door?.position ?? { partition: -1, offset: -1 }
    assert.equal(`${String(door?.lane)}/${String(partition)}@${String(offset)}`, receipt.position)
    assert.match(insert?.token ?? '', /^\d{6}-[0-9a-f]{40}$/)
    assert.ok(insert?.at !== null && journey.searched.complete)
  })

  it('says of a refused one why, and of the one beside it that it is in', async () => {
    const uuid = randomUUID()
    const receipts = await capture({ event: '', distinct_id: 'ada', uuid }, { event: 'beside', distinct_id: 'ada' })
    assert.deepEqual(
      receipts.map(({ verdict }) => verdict),
      ['refused', 'stored'],
    )
    const journey = await explained(uuid)
    assert.equal(journey.fate, 'refused')
    assert.match(journey.summary, /^The door refused the event: event submitted with an empty event name\.$/)
    const { text } = await api('/projects/1/dead-letters?limit=1')
    const [letter] = (JSON.parse(text) as { dead_letters: Readonly<Record<string, unknown>>[] }).dead_letters
    assert.equal(letter?.['uuid'], uuid)
    assert.equal(letter['stage'], 'door')
  })

  it('counts the copies of an event, and explains a copy that the door named itself by its first', async () => {
    const uuid = randomUUID()
    await capture({ event: 'twice', distinct_id: 'ada', uuid })
    const [copy] = await capture({ event: 'twice', distinct_id: 'ada', uuid })
    assert.equal(copy?.verdict, 'duplicate')
    const unnamed = { event: 'unnamed', distinct_id: 'ada', timestamp: '2026-11-01T00:00:00Z' }
    const [first] = await capture(unnamed)
    const [second] = await capture(unnamed)
    await sluice.settled()
    const journey = await explained(uuid)
    assert.equal(journey.fate, 'in_table')
    assert.equal(journey.occurrences.length, 2)
    assert.deepEqual(stepsOf(journey, 1), ['door: duplicate'])
    assert.match(journey.summary, /sent once more; the copy was recognised and not stored\.$/)
    const other = await explained(second?.uuid ?? '')
    assert.equal(other.fate, 'duplicate')
    assert.match(other.occurrences[0]?.steps[0]?.detail ?? '', new RegExp(first?.uuid ?? ''))
    assert.equal(stepsOf(other).at(-1), 'table: row')
  })

  it('is unknown to other projects, and to all when there never was one', async () => {
    const other = await api('/projects', 'POST', { name: 'Other' })
    const { id } = JSON.parse(other.text) as { readonly id: number }
    const [receipt] = await capture({ event: 'mine', distinct_id: 'ada' })
    assert.ok(receipt !== undefined)
    assert.notEqual((await byApi(receipt.uuid)).fate, 'unknown')
    assert.equal((await byApi(receipt.uuid, id)).fate, 'unknown')
    const { code, out } = await sluice.run(['explain', randomUUID()])
    assert.equal(code, 1)
    assert.match(out, /Nothing is known of an event with this uuid: it is not in the table/)
  })

  it('shows how everything runs, with the dead letters by reason', async () => {
    const { status, text } = await api('/pipeline')
    assert.equal(status, 200, text)
    const pipeline = JSON.parse(text) as {
      readonly healthy: boolean
      readonly problems: readonly string[]
      readonly dead_letters: readonly Readonly<Record<string, unknown>>[]
      readonly stages: readonly { readonly name: string; readonly out: number }[]
      readonly processes: readonly { readonly role: string }[]
    }
    assert.deepEqual(pipeline.problems, [])
    // The one that the door refused is not parked: its sender knows.
    assert.equal((await sluice.ask('SELECT 1')).parked_events, 1)
    assert.deepEqual(
      pipeline.dead_letters.map(({ stage, step, reason, count }) => [stage, step, reason, count]),
      [
        ['door', 'capture', 'event submitted with an empty event name', 1],
        ['ingestion', 'project', 'unknown_token', 1],
      ],
    )
    assert.deepEqual(
      pipeline.processes.map(({ role }) => role),
      ['supervisor', 'edge', 'core', 'postgres'],
    )
  })

  it('says of one on its way where it waits, also after a restart, and keeps what was counted', async () => {
    await sluice.stop()
    const away = await sluice.run(['explain', randomUUID()])
    assert.equal(away.code, 2)
    assert.match(away.err, /Sluice does not run on .*Start it, then ask again/)
    await sluice.start({ SLUICE_WAREHOUSE_LINGER_MS: '60000', SLUICE_HEALTH_CANARY_INTERVAL_MS: '3600000' })
    const [receipt] = await capture({ event: 'waiting', distinct_id: 'ada' })
    const uuid = receipt?.uuid ?? ''
    await sluice.until('the decision', async () => (await byApi(uuid)).occurrences[0]?.steps.length === 3)
    const journey = await explained(uuid)
    assert.equal(journey.fate, 'waiting')
    assert.deepEqual(stepsOf(journey), ['door: stored', 'ingestion: row', 'warehouse: waiting'])
    assert.match(journey.summary, /it is safe on disk and waits for the warehouse/)
    const { text } = await api('/pipeline')
    assert.match(text, /"reason":"event submitted with an empty event name","count":1/)
    assert.match(text, /"reason":"unknown_token","count":1/)
  })

  it('is printed as a timeline, and misuse ends with 2', async () => {
    const [receipt] = await capture({ event: 'printed', distinct_id: 'ada' })
    const { code, out } = await sluice.run(['explain', receipt?.uuid ?? ''])
    assert.equal(code, 0)
    assert.match(
      out,
      /^[0-9a-f-]{36}: waiting\nThe event was accepted; it is safe .*\n\n {2}\S{24} {2}door {7}stored events_plugin/,
    )
    assert.ok(!out.includes(token))
    for (const words of [[], ['no-uuid'], [randomUUID(), '--yaml'], [randomUUID(), randomUUID()]]) {
      assert.equal((await sluice.run(['explain', ...words])).code, 2)
    }
  })
})
