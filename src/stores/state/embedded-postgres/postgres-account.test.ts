import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { accountFrom } from './postgres-account.ts'

const root = 'root:x:0:0:root:/root:/bin/bash'
const nobody = 'nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin'
const postgres = 'postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash'

describe('the account that Postgres runs under', () => {
  it('is "postgres" where there is one', () => {
    assert.deepEqual(accountFrom([root, nobody, postgres, ''].join('\n')), { uid: 101, gid: 104 })
  })

  it('is "nobody" otherwise', () => {
    assert.deepEqual(accountFrom([root, nobody].join('\n')), { uid: 65534, gid: 65533 })
  })

  it('is never root under another name', () => {
    assert.deepEqual(accountFrom(['postgres:x:0:0::/:/bin/sh', nobody].join('\n')), { uid: 65534, gid: 65533 })
  })

  it('is none when the file names neither, is empty or is malformed', () => {
    for (const passwd of ['', root, 'postgres', 'postgres:x::', 'nobody:x:many:few']) {
      assert.equal(accountFrom(passwd), undefined)
    }
  })
})
