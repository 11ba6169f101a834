/**
 * Holds a ledger against what can be asked for: every obligation there exactly once, as it was sent and where its receipt says
 * (where copies enter the log: there or before, where an earlier copy is), nothing forbidden and nothing invented, each user's events in order; `sluice verify` agrees, the books balance, and the
 * system takes a fresh event.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { roleSocket } from '../../src/app/supervisor/data-folder.ts'
import { send } from './http-client.ts'
import type { Installation } from './installation.ts'
import type { Entry, Ledger, Place, SentEvent } from './ledger.ts'
import { rowsEverInserted } from './table-parts.ts'

const partitions = Array.from({ length: 16 }, (_, number) => number)

/** What is asked: one installation, or several that work together. */
export type Examined = Pick<
  Installation,
  'dataFolder' | 'clickhouse' | 'ready' | 'settled' | 'ask' | 'capture' | 'verify' | 'status' | 'until' | 'tail'
>

/** What a run must have gone through for its result to mean something. */
export interface Proof {
  readonly acknowledgedMin: number
  readonly retriesMin: number
}

export async function assertPromisesKept(installation: Examined, ledger: Ledger, proof: Proof): Promise<void> {
  const { acknowledged, refused, faults, retries, repeats } = ledger
  const [stillMsMax, waitedMsMax] = [Math.round(ledger.stillMsMax), Math.round(ledger.waitedMsMax)]
  const about = { acknowledged, refused, faults, retries, repeats, stillMsMax, waitedMsMax }
  process.stdout.write(`${JSON.stringify(about)}\n`)
  assert.ok(acknowledged >= proof.acknowledgedMin, `only ${String(acknowledged)} events were acknowledged`)
  assert.ok(retries >= proof.retriesMin, `only ${String(retries)} requests were sent again`)

  await installation.ready()
  await installation.settled()
  await assertAnswersHaveThem(installation, ledger)
  const insertedEver = await rowsEverInserted(installation)
  const rows = await rawRows(installation)
  assertTableHasThemOnce(rows, ledger)
  // What was inserted twice a merge may have made one before anybody looks: not even for a moment were there more. Fewer when
  // ClickHouse has cleaned up behind its merges, or when something came in between.
  const rowCount = rows.flat().length
  assert.ok(insertedEver <= rowCount, `${String(insertedEver)} rows were inserted to have ${String(rowCount)}`)
  await assertTakesAFreshEvent(installation, ledger)
  await assertVerified(installation, acknowledged)
  await installation.until(
    'books that balance',
    async () => imbalancesOf((await installation.status()).books).length === 0,
  )
}

/** By SQL, as a user would ask: what was acknowledged, as it was sent. */
async function assertAnswersHaveThem(installation: Examined, ledger: Ledger): Promise<void> {
  const seen = new Set<string>()
  const { rows: users } = await installation.ask('SELECT distinct_id, count() FROM events GROUP BY distinct_id')
  for (const some of inAnswersOfSome(users.map(([user, count]) => [String(user), Number(count)]))) {
    const { rows } = await installation.ask(
      `SELECT distinct_id, uuid, event, properties, toUnixTimestamp64Milli(timestamp) FROM events
      WHERE distinct_id IN {users:Array(String)}`,
      { users: some },
    )
    for (const [user, uuid, event, properties, timestampMs] of rows) {
      const entry = ledger.entries.get(String(uuid))
      assert.ok(entry !== undefined, `${String(uuid)} was invented`)
      assert.ok(!seen.has(String(uuid)), `${String(uuid)} is answered twice`)
      assert.notEqual(entry.fate, 'prohibition', `${String(uuid)} was refused and is there`)
      seen.add(String(uuid))
      assertAsSent(entry.event, { user, event, properties, timestampMs })
    }
  }
  const lost = obligationsOf(ledger).filter(({ event }) => !seen.has(event.uuid))
  assert.equal(lost.length, 0, `lost: ${lost.map(positionText).slice(0, 20).join(', ')}\n${installation.tail()}`)
}

/** An answer has so many rows, unless one user alone has more. */
const answerRowsMax = 5000

function inAnswersOfSome(counts: readonly (readonly [user: string, count: number])[]): readonly (readonly string[])[] {
  const answers: string[][] = []
  let rows = Infinity
  for (const [user, count] of counts) {
    if (rows + count > answerRowsMax) {
      answers.push([])
      rows = 0
    }
    answers.at(-1)?.push(user)
    rows += count
  }
  return answers
}

function assertAsSent(
  sent: SentEvent,
  row: { readonly user: unknown; readonly event: unknown; readonly properties: unknown; readonly timestampMs: unknown },
): void {
  assert.equal(row.user, sent.distinct_id)
  assert.equal(row.event, sent.event)
  assert.equal(Number(row.timestampMs), Date.parse(sent.timestamp))
  assert.deepEqual(JSON.parse(String(row.properties)), sent.properties)
}

/** In the table itself, where a question's FINAL hides nothing: once, and where the receipt said. */
function assertTableHasThemOnce(rows: readonly (readonly PlacedUuid[])[], ledger: Ledger): void {
  const places = new Map<string, Place>()
  for (const [partition, ofPartition] of rows.entries()) {
    for (const [offset, uuid] of ofPartition) {
      if (!ledger.entries.has(uuid)) continue
      assert.ok(!places.has(uuid), `${uuid} is in the table twice`)
      places.set(uuid, { lane: 'events_plugin_ingestion', partition, offset })
    }
  }
  const byUser = Map.groupBy(ledger.entries.values(), ({ event }) => event.distinct_id)
  for (const [user, entries] of byUser) {
    let last = -1
    // Sequences rise in the order of the entries, which is the order of sending.
    for (const entry of entries) {
      const place = places.get(entry.event.uuid)
      if (entry.fate === 'prohibition')
        assert.equal(place, undefined, `${entry.event.uuid} was refused and is in the table`)
      if (entry.fate === 'obligation') assertPlaced(entry, place, ledger)
      if (place === undefined) continue
      assert.ok(place.offset > last, `event ${String(entry.sequence)} of ${user} overtook an earlier one`)
      last = place.offset
    }
  }
}

/** Of each partition, as they are in the table: nobody has made one of two. */
async function rawRows(installation: Examined): Promise<readonly (readonly PlacedUuid[])[]> {
  return await Promise.all(
    partitions.map(async (partition) => {
      const rows: PlacedUuid[] = []
      for (let from = 0; ; from += offsetsPerPage) {
        const page = await rawPage(installation, partition, from)
        // Offsets have small gaps alone.
        if (page.length === 0) return rows
        rows.push(...page)
      }
    }),
  )
}

type PlacedUuid = readonly [offset: number, uuid: string]

/** As many as one question to ClickHouse reads. */
const offsetsPerPage = 65_536

async function rawPage(installation: Examined, partition: number, from: number): Promise<readonly PlacedUuid[]> {
  const query = new URLSearchParams({
    partition: String(partition),
    from: String(from),
    to: String(from + offsetsPerPage),
    accepted_from_ms: '0',
    accepted_to_ms: String(Date.now() + 3_600_000),
  })
  const socketPath = join(installation.dataFolder, roleSocket.core)
  const answer = await send(`http://core/internal/rows?${query.toString()}`, { socketPath })
  assert.equal(answer.status, 200, answer.text)
  return answer.text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => JSON.parse(line) as readonly (readonly [number, number, number, string])[])
    .map(([, offset, , uuid]) => [offset, uuid] as const)
}

async function assertTakesAFreshEvent(installation: Examined, ledger: Ledger): Promise<void> {
  const uuid = randomUUID()
  const event: SentEvent = {
    uuid,
    event: 'fresh',
    distinct_id: `user of ${uuid}`,
    timestamp: new Date().toISOString(),
    properties: { $ip: '192.0.2.2' },
  }
  ledger.sending(event)
  ledger.answered([event], await installation.capture([event], '?receipts=1'))
  await installation.until('the fresh event', async () => {
    const { rows } = await installation.ask('SELECT count() FROM events WHERE uuid = {uuid:UUID}', { uuid })
    return Number(rows[0]?.[0]) === 1
  })
}

/** `sluice verify` says equal, and has looked at no fewer events than were acknowledged. */
export async function assertVerified(installation: Examined, acceptedMin: number): Promise<void> {
  const { code, verdict } = await installation.verify()
  assert.equal(code, 0, `${JSON.stringify(verdict)}\n${installation.tail()}`)
  assert.equal(verdict.equal, true)
  assert.ok(verdict.accepted >= acceptedMin, `verify looked at ${String(verdict.accepted)} events alone`)
  assert.deepEqual([verdict.damaged, verdict.expired, verdict.erased, verdict.replaced], [0, 0, 0, 0])
}

function imbalancesOf(books: Readonly<Record<string, unknown>>): readonly unknown[] {
  const { imbalances } = books
  return Array.isArray(imbalances) ? imbalances : ['the books are not there']
}

function obligationsOf(ledger: Ledger): readonly Entry[] {
  return [...ledger.entries.values()].filter(({ fate }) => fate === 'obligation')
}

function assertPlaced(
  { event, place: promised }: Entry,
  place: Place | undefined,
  { promised: { copiesEnter } }: Ledger,
) {
  assert.ok(place !== undefined && promised !== undefined, `${event.uuid} is not in the table`)
  const { offset, ...where } = place
  const { offset: offsetMax, ...whereTo } = promised
  assert.deepEqual(where, whereTo, event.uuid)
  if (copiesEnter) assert.ok(offset <= offsetMax, `of ${event.uuid} a later copy became the row`)
  else assert.equal(offset, offsetMax, event.uuid)
}

function positionText({ event, place }: Entry): string {
  return `${event.uuid} at ${place === undefined ? 'no place' : `${String(place.partition)}@${String(place.offset)}`}`
}
