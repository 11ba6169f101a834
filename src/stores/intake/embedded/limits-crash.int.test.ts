/** What is counted under quotas, over a simulated disk that fails, some dozens of times. A failing seed repeats: SLUICE_TEST_SEED=<seed>. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { laneNumber } from '../../../event/position.ts'
import type { Lane } from '../../../event/position.ts'
import { Failure } from '../../../kit/failure.ts'
import { seededRandom } from '../../../kit/seeded-random.ts'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import type { SimulatedFiles } from '../../../kit/simulated-files.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { openJournalWriter } from '../../log/segments/journal-writer.ts'
import { trimJournal } from '../../log/segments/trim-journal.ts'
import type { AppliedLimit, Intake, IntakeEvent, IntakeRequest } from '../intake.ts'
import { openEmbeddedIntake } from './embedded-intake.ts'

const folder = '/journal'
const nowMs = Date.UTC(2026, 10, 20, 12)
/** Each lane has a quota of its own, so that the lane's offsets, which outlive the removal of segments, count what was stored under it. */
const lanes = ['events_plugin_ingestion', 'exceptions', 'client_warnings'] as const
/** Each takes half a second: the duplicate index of each life starts a thread. */
const seeds = process.env['SLUICE_TEST_SEED'] === undefined ? 40 : 1
const firstSeed = Number(process.env['SLUICE_TEST_SEED'] ?? 1)

let root = ''
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-limits-'))
})
after(async () => {
  await rm(root, { recursive: true, force: true })
})

describe('quotas on a disk that fails', () => {
  it('count exactly what is stored, through power losses, crashes, failed syncs, full disks and removed segments', async (t) => {
    const seen = {
      stored: 0,
      limited: 0,
      refused: 0,
      undone: 0,
      powerLosses: 0,
      processLosses: 0,
      failedSyncs: 0,
      fullDisks: 0,
      segmentsRemoved: 0,
    }
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      try {
        await live(seed, seen)
      } catch (error) {
        throw new Error(`seed ${String(seed)}`, { cause: error })
      }
    }
    t.diagnostic(`${String(seeds)} seeds from ${String(firstSeed)}: ${JSON.stringify(seen)}`)
    if (seeds > 1)
      for (const count of Object.values(seen)) assert.ok(count > 0, `not everything happened: ${JSON.stringify(seen)}`)
  })

  it('tell nobody that they are used up when what used them up did not become durable', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const { intake } = await openOn(files, { segmentBytesMax: 100_000, indexFolder: join(root, 'told') })
    const send = (n: number) => intake.submit(aRequest([anEvent(n, 'events_plugin_ingestion')], 1, false))
    files.failNextSync()
    const [filling, limited] = await Promise.allSettled([send(1), send(2)])
    for (const answer of [filling, limited]) {
      assert.ok(answer.status === 'rejected' && answer.reason instanceof Failure && answer.reason.retryable)
    }
    assert.deepEqual(
      (await Promise.all([send(2), send(1)])).map(([outcome]) => outcome?.verdict),
      ['stored', 'quota_limited'],
    )
    await intake.close()
  })

  it('need no write to say that they are used up', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const { intake } = await openOn(files, { segmentBytesMax: 100_000, indexFolder: join(root, 'no-write') })
    const send = (n: number) => intake.submit(aRequest([anEvent(n, 'events_plugin_ingestion')], 1, false))
    await send(1)
    files.failNextSync()
    assert.equal((await send(2))[0]?.verdict, 'quota_limited')
    await intake.close()
  })
})

/** What the answers promised, by lane. */
interface Told {
  readonly max: number
  stored: number
  isFull: boolean
}

async function live(seed: number, seen: Record<string, number>): Promise<void> {
  const random = seededRandom(seed)
  const files = createSimulatedFiles(random)
  const max = 5 + Math.floor(random() * 40)
  const told = new Map<Lane, Told>(lanes.map((lane, at) => [lane, { max: max * (at + 1), stored: 0, isFull: false }]))
  let name = 0
  const count = (what: string, by = 1): void => {
    seen[what] = (seen[what] ?? 0) + by
  }
  const aRandomRequest = (): IntakeRequest => {
    const events = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
      // Some are sent again.
      const n = random() < 0.2 && name > 0 ? Math.floor(random() * name) : name++
      return anEvent(n, lanes[n % lanes.length] ?? 'exceptions')
    })
    return aRequest(events, max, random() < 0.3)
  }
  const lives = 3 + Math.floor(random() * 3)
  for (let life = 0; life < lives; life++) {
    files.setFreeBytes(Infinity)
    const { intake, offsets } = await openOn(files, {
      segmentBytesMax: 500 + Math.floor(random() * 4000),
      indexFolder: join(root, `${String(seed)}-${String(life)}`),
    })
    await assertCounted(intake, offsets, told)
    let dies = false
    for (let round = 1 + Math.floor(random() * 8); round > 0 && !dies; round--) {
      const luck = random()
      files.setFreeBytes(luck >= 0.1 && luck < 0.2 ? Math.floor(random() * 600) : Infinity)
      if (luck < 0.1) {
        files.failNextSync()
        count('failedSyncs')
      } else if (luck < 0.2) count('fullDisks')
      else if (luck < 0.4) {
        const trim = { files, folder, retentionMs: 0, readers: [], telemetry: silent, nowMs: nowMs + 1 }
        count('segmentsRemoved', (await trimJournal(trim)).length)
      }
      const asked = Array.from({ length: 1 + Math.floor(random() * 6) }, async () => {
        const request = aRandomRequest()
        try {
          const outcomes = await intake.submit(request)
          for (const [at, { verdict, lane }] of outcomes.entries()) {
            const one = told.get(request.events[at]?.lane ?? lane)
            if (one === undefined) continue
            if (verdict === 'stored') one.stored++
            // A request that was taken back says so of its other events too.
            if (verdict === 'quota_limited' && request.isAllOrNothing !== true) one.isFull = true
            if (verdict === 'quota_limited' && request.isAllOrNothing === true) count('undone')
            count(verdict === 'stored' ? 'stored' : 'limited')
          }
        } catch (error) {
          if (!(error instanceof Failure)) throw error
          assert.ok(error.retryable, error.message)
          count('refused')
        }
      })
      if (random() < 0.3) {
        for (let wait = Math.floor(random() * 6); wait > 0; wait--)
          await new Promise((resolve) => setImmediate(resolve))
        dies = true
        if (random() < 0.6) {
          files.powerLoss()
          count('powerLosses')
        } else {
          files.processLoss()
          count('processLosses')
        }
      }
      await Promise.all(asked)
      if (!dies) await assertCounted(intake, offsets, told)
    }
    await intake.close()
  }
  files.setFreeBytes(Infinity)
  const { intake, offsets } = await openOn(files, {
    segmentBytesMax: 4000,
    indexFolder: join(root, `${String(seed)}-end`),
  })
  await assertCounted(intake, offsets, told)
  await intake.close()
}

async function assertCounted(
  intake: Intake,
  offsets: (lane: Lane) => number,
  told: ReadonlyMap<Lane, Told>,
): Promise<void> {
  const used = new Map((await intake.limitUses()).map((use) => [use.key, use.used]))
  let all = 0
  for (const [lane, { max, stored, isFull }] of told) {
    const durable = offsets(lane)
    all += durable
    assert.equal(used.get(lane) ?? 0, durable, `what is counted of ${lane}, against what is stored`)
    assert.ok(durable <= max, `${String(durable)} were let in against a quota of ${String(max)}`)
    assert.ok(durable >= stored, `${String(stored)} were acknowledged, ${String(durable)} are there`)
    if (isFull) assert.equal(durable, max, 'somebody was told that the quota is used up')
  }
  assert.equal(used.get('all') ?? 0, all)
}

async function openOn(
  files: SimulatedFiles,
  { segmentBytesMax, indexFolder }: { readonly segmentBytesMax: number; readonly indexFolder: string },
) {
  const open = () =>
    openJournalWriter({
      role: 'edge',
      files,
      folder,
      partitionCount: 2,
      segmentBytesMax,
      segmentEntriesMax: 1_000_000,
      segmentAgeMsMax: 3_600_000,
      queueBytesMax: 1_000_000,
      reserveBytes: 0,
      telemetry: silent,
      now: () => nowMs,
    })
  // A start on a disk that fails just then ends; the supervisor starts the process again.
  const writer = await open().catch(open)
  const intake = await openEmbeddedIntake({
    files,
    folder,
    indexFolder,
    writer,
    partitionCount: 2,
    duplicateWindowMs: 86_400_000,
    limitKeysMax: 100,
    telemetry: silent,
    now: () => nowMs,
  })
  const offsets = (lane: Lane): number =>
    (writer.state.next[laneNumber(lane)] ?? []).reduce((sum, offset) => sum + offset, 0)
  return { intake, offsets }
}

function anEvent(n: number, lane: Lane): IntakeEvent {
  const distinctId = `user ${String(n % 5)}`
  const limits = [lanes.findIndex((one) => one === lane), lanes.length]
  return {
    start: 0,
    end: 2,
    uuid: [n, 2, 3, 4],
    distinctId,
    lane,
    partitionKey: `phc_a:${distinctId}`,
    duplicateKey: [n, 7, 8, 9],
    limits,
  }
}

function aRequest(events: readonly IntakeEvent[], max: number, isAllOrNothing: boolean): IntakeRequest {
  const quota = (key: string, most: number): AppliedLimit => ({
    kind: 'quota',
    key,
    max: most,
    expiresAtMs: nowMs + 1000,
  })
  return {
    body: Buffer.from('{}'),
    token: 'phc_a',
    ip: '127.0.0.1',
    nowMs,
    sentAtMs: undefined,
    isCanary: false,
    events,
    limits: [...lanes.map((lane, at) => quota(lane, max * (at + 1))), quota('all', 1_000_000)],
    isAllOrNothing,
  }
}
