import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { unsafeIn } from './check-server.ts'
import type { ServerSettings } from './check-server.ts'

const safe: ServerSettings = {
  version: 150_000,
  fsync: 'on',
  fullPageWrites: 'on',
  synchronousCommit: 'on',
  encoding: 'UTF8',
  isStandby: false,
}
const namesOf = (changed: Partial<ServerSettings>) => unsafeIn({ ...safe, ...changed }).map(({ name }) => name)

describe('the settings of a Postgres', () => {
  it('are safe in PostgreSQL 15 and newer with everything written through', () => {
    for (const version of [150_000, 150_018, 180_004]) assert.deepEqual(namesOf({ version }), [])
    for (const synchronousCommit of ['on', 'local', 'remote_write', 'remote_apply'])
      assert.deepEqual(namesOf({ synchronousCommit }), [])
  })

  it('are unsafe in a server that is too old, may forget, keeps other text or takes no writes', () => {
    assert.deepEqual(namesOf({ version: 149_999 }), ['version'])
    assert.deepEqual(namesOf({ fsync: 'off' }), ['fsync'])
    assert.deepEqual(namesOf({ fullPageWrites: 'off' }), ['full_page_writes'])
    assert.deepEqual(namesOf({ synchronousCommit: 'off' }), ['synchronous_commit'])
    assert.deepEqual(namesOf({ encoding: 'SQL_ASCII' }), ['server_encoding'])
    assert.deepEqual(namesOf({ isStandby: true }), ['standby'])
  })
})
