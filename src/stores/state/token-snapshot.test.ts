import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { loadTokenSnapshot, saveTokenSnapshot } from './token-snapshot.ts'
import type { DoorPolicy } from './door-policy.ts'
import type { KnownToken } from './token-snapshot.ts'

const policy: DoorPolicy = {
  signingSecrets: ['s'.repeat(32)],
  lanes: ['exceptions'],
  limits: [
    {
      id: '1',
      eventType: '@events',
      quota: { eventsMax: 5, period: 'month' },
      rate: { eventsPerSecond: 0.5, burstEventsMax: 2 },
    },
  ],
  restrictions: [
    {
      id: '2',
      kind: 'redirect_to_topic',
      distinctIds: ['"ada"\n'],
      sessionIds: [],
      eventNames: ['e'],
      eventUuids: [],
      pipelines: ['analytics'],
      topic: 'historical_events',
    },
  ],
}

describe('the saved list of tokens', () => {
  let folder: string
  let file: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-tokens-'))
    file = join(folder, 'tokens.json')
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('comes back as it was, however long it is', async () => {
    for (const length of [0, 1, 998, 999, 1000, 5000]) {
      const tokens = manyTokens(length)
      await saveTokenSnapshot(file, tokens)
      assert.deepEqual(await loadTokenSnapshot(file, 10_000), tokens)
    }
    assert.deepEqual(await readdir(folder), ['tokens.json'])
  })

  it('is read as an earlier version wrote it, when projects said nothing about their events', async () => {
    await writeFile(file, '{"format":1}\n["a",7,"strict"]\n{"tokens":1}\n')
    const tokens = await loadTokenSnapshot(file, 10)
    assert.deepEqual([...tokens], [['a', { kind: 'known', projectId: 7, answers: 'strict' }]])
  })

  it("is nobody else's to read, because it has signing secrets", async () => {
    await saveTokenSnapshot(file, manyTokens(4))
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  })

  it('is empty when there is none', async () => {
    assert.equal((await loadTokenSnapshot(file, 10)).size, 0)
  })

  it('stops at the most that may be kept', async () => {
    await saveTokenSnapshot(file, manyTokens(20))
    assert.equal((await loadTokenSnapshot(file, 5)).size, 5)
  })

  it('is refused when it was cut anywhere', async () => {
    await saveTokenSnapshot(file, manyTokens(3))
    const whole = await readFile(file, 'utf8')
    // Without its last line break it is whole still.
    for (let length = 0; length < whole.length - 1; length++) {
      await writeFile(file, whole.slice(0, length))
      await assert.rejects(loadTokenSnapshot(file, 10), { code: 'SLUICE_TOKEN_SNAPSHOT_DAMAGED' }, String(length))
    }
  })

  it('is refused when it is of another format or holds something else', async () => {
    for (const text of [
      '{"format":3}\n{"tokens":0}\n',
      '{"format":2}\n["a",1,"sdk",1]\n{"tokens":1}\n',
      '{"format":1}\n["a",1,"never"]\n{"tokens":1}\n',
      '{"format":1}\n["a","1","sdk"]\n{"tokens":1}\n',
      '{"format":1}\nnull\n{"tokens":1}\n',
      '{"format":1}\n{"tokens":0}\n["a",1,"sdk"]\n',
      'no JSON',
    ]) {
      await writeFile(file, text)
      await assert.rejects(loadTokenSnapshot(file, 10), { code: 'SLUICE_TOKEN_SNAPSHOT_DAMAGED' }, text)
    }
  })
})

function manyTokens(length: number): Map<string, KnownToken> {
  return new Map(
    Array.from({ length }, (_, n) => [
      `token "${String(n)}"`,
      { kind: 'known', projectId: n, answers: n % 2 === 0 ? 'sdk' : 'strict', ...(n % 3 === 0 ? { policy } : {}) },
    ]),
  )
}
