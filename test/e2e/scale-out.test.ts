/**
 * An embedded installation moves to Kafka, Redis, Postgres and ClickHouse, killed at every step on its way; both sides hold the same
 * afterwards, and either goes on.
 *
 * `SLUICE_SCALE_OUT_EVENTS` sets how many events are moved, for a measurement with a million.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { clusterSettings, clusterSkip } from '../harness/cluster-settings.ts'
import type { Installation, Settings } from '../harness/installation.ts'
import { aRunningSluice, anInstallation } from '../harness/installation.ts'

const eventCount = Number(process.env['SLUICE_SCALE_OUT_EVENTS'] ?? 20_000)
const atOnce = 1000

/** Each is reached by a move of some thousand events; of a large one in the middle. */
const points =
  eventCount > 100_000
    ? ['source-copied', 'derived-copied', 'block-inserted'].map(
        (point) => `scale-out:${point}=kill@${String(Math.ceil(eventCount / 40_000))}`,
      )
    : [
        'scale-out:check-done=kill',
        'scale-out:drain-done=kill',
        'scale-out:state-copied=kill',
        'scale-out:state-done=kill',
        'scale-out:source-copied=kill',
        'scale-out:derived-copied=kill',
        'scale-out:lanes-done=kill',
        'scale-out:block-inserted=kill',
        'scale-out:rows-copied=kill',
        'scale-out:tables-done=kill',
        'scale-out:compare-done=kill',
        'scale-out:switch-done=kill',
      ]

/** For the embedded side: blocks and segments as they are by default, so that sending does not take longer than moving. */
const large: Settings = {
  SLUICE_INTAKE_PARTITION_COUNT: '4',
  SLUICE_INTAKE_SEGMENT_BYTES_MAX: String(16 * 1024 * 1024),
  SLUICE_INGESTION_BATCH_BYTES_MAX: String(1024 * 1024),
  SLUICE_WAREHOUSE_BLOCK_ROWS_MAX: '50000',
}

function events(count: number, event = 'clicked'): readonly object[] {
  return Array.from({ length: count }, (_, n) => ({
    event,
    distinct_id: `user ${String(n % 100)}`,
    uuid: randomUUID(),
    properties: { n, text: `Ünï©ode "${String(n)}" \\`, $browser: 'Firefox', large: 'x'.repeat(500) },
  }))
}

async function send(sluice: Installation, all: readonly object[]): Promise<void> {
  for (let at = 0; at < all.length; at += atOnce) {
    const { status, text } = await sluice.capture(all.slice(at, at + atOnce))
    assert.equal(status, 200, text)
  }
}

async function assertEqual(sluice: Installation, acceptedMin: number): Promise<void> {
  const { verdict } = await sluice.verify()
  assert.ok(verdict.equal, JSON.stringify(verdict).slice(0, 2000))
  assert.ok(verdict.accepted - verdict.canaries >= acceptedMin, JSON.stringify(verdict).slice(0, 500))
}

const contentsSql = `SELECT count(), uniqExact(uuid), sum(cityHash64(properties)), min(timestamp), max(timestamp)
  FROM events WHERE event = 'clicked'`

describe('an embedded installation that moves to the cluster profile', { skip: clusterSkip() }, () => {
  it('is the same there, when it is killed at every step; both go on', async (test) => {
    const cluster = await clusterSettings(test)
    const { SLUICE_PROFILE: _, ...engines } = cluster
    const old = await aRunningSluice(test, { ...large, ...engines, SLUICE_INTAKE_PARTITION_COUNT: '4' })
    const sent = events(eventCount)
    await send(old, sent)
    await old.settled()
    await assertEqual(old, eventCount)
    const before = (await old.ask(contentsSql)).rows
    // Of which some wait still.
    const late = events(500, 'late')
    await send(old, late)
    await old.killAll()

    const startMs = performance.now()
    for (const point of points) {
      const { code, err, out } = await old.run(['scale-out'], { SLUICE_FAILPOINTS: point })
      assert.equal(code, null, `${point}: ${String(code)} ${out} ${err}`)
      process.stdout.write(out)
    }
    const { code, out, err } = await old.run(['scale-out'])
    assert.equal(code, 0, err)
    const seconds = (performance.now() - startMs) / 1000
    process.stdout.write(
      `${out}${String(eventCount)} events, ${String(points.length)} deaths: ${seconds.toFixed(1)} s\n`,
    )

    const start = await old.run(['start'])
    assert.equal(start.code, 1)
    assert.match(start.err, /was moved to a cluster/)

    const moved = await anInstallation(test, {
      ...large,
      ...cluster,
      SLUICE_PROJECT_TOKEN: old.token,
      SLUICE_PERSONAL_KEY: old.personalKey,
    })
    await moved.start()
    await moved.settled()
    const count = (await moved.ask('SELECT count(), uniqExact(uuid) FROM events')).rows[0]?.map(Number)
    assert.deepEqual(count, [eventCount + 500, eventCount + 500])
    assert.deepEqual((await moved.ask(contentsSql)).rows, before)
    await assertEqual(moved, eventCount + 500)
    const { books } = await moved.status()
    assert.deepEqual(books['imbalances'], [])

    // The door knows copies of what was stored before the move.
    const copy = await moved.capture(sent.slice(-50), '?receipts=1')
    const { receipts } = JSON.parse(copy.text) as { readonly receipts: readonly { readonly verdict: string }[] }
    assert.deepEqual(new Set(receipts.map(({ verdict }) => verdict)), new Set(['duplicate']))

    await send(moved, events(100))
    await moved.settled()
    await assertEqual(moved, eventCount + 600)
    await moved.stop()

    const refused = await old.run(['scale-out', 'back'])
    assert.equal(refused.code, 1)
    assert.match(refused.err, /accepted 100 events since the move/)
    const back = await old.run(['scale-out', 'back', '--leave-events'])
    assert.equal(back.code, 0, back.err)
    await old.start()
    await old.settled()
    await assertEqual(old, eventCount + 500)
    await old.stop()
  })
})
