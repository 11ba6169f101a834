import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ClusterIntakeHealth } from '../../stores/intake/cluster/cluster-intake.ts'
import { clusterDoor } from './cluster-door.ts'

const well: ClusterIntakeHealth = {
  redis: { state: 'ready', sinceMs: 0, warnings: [] },
  whenAway: 'open',
  awaySinceMs: undefined,
  unchecked: 3,
  owedKeys: 0,
  owedForgotten: 0,
  copiesAppended: 0,
  log: undefined,
}
const away = { state: 'away', sinceMs: 1000, reason: 'connect ECONNREFUSED', warnings: [] } as const

describe('a door on Redis and Kafka', () => {
  it('says nothing while all is well', () => {
    assert.deepEqual(clusterDoor(well), { takesEvents: true, trouble: [] })
  })

  it('says that Redis is away and what that means, by the setting', () => {
    const open = clusterDoor({ ...well, redis: away })
    assert.equal(open.takesEvents, true)
    assert.match(open.trouble.join(), /^Redis has been away since 1970-01-01T00:00:01\.000Z \(connect ECONNREFUSED\)/)
    assert.match(open.trouble.join(), /without a look at copies and limits, 3 through this edge/)
    const closed = clusterDoor({ ...well, awaySinceMs: 500, whenAway: 'closed' })
    assert.equal(closed.takesEvents, false)
    assert.match(closed.trouble.join(), /^Redis has been away since 1970-01-01T00:00:00\.500Z: events are answered 503/)
  })

  it('says that Kafka confirms nothing, and how Redis is set up wrongly', () => {
    const warnings = [{ code: 'evicts' as const, message: 'Redis throws keys away.' }]
    const { takesEvents, trouble } = clusterDoor({
      ...well,
      redis: { ...well.redis, warnings },
      log: { sinceMs: 1000, reason: 'No broker answers.' },
    })
    assert.equal(takesEvents, false)
    assert.deepEqual(trouble, [
      'Kafka has confirmed no event since 1970-01-01T00:00:01.000Z, so events are answered 503: No broker answers.',
      'Redis throws keys away.',
    ])
  })
})
