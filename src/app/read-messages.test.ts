import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMemoryLog } from '../stores/log/memory/memory-log.ts'
import { readMessages } from './read-messages.ts'
import type { WantedMessages } from './read-messages.ts'

const everything: WantedMessages = {
  lane: 'events_plugin_ingestion',
  partition: undefined,
  from: 0,
  messagesMax: 100,
  follows: false,
  signal: new AbortController().signal,
}

function filled() {
  const log = createMemoryLog(2)
  const put = (partition: number, name: string): void => {
    const headers = { token: 'phc_a', distinct_id: 'ada', uuid: '', ip: '', now: '1000' }
    log.put('events_plugin_ingestion', partition, { headers, value: Buffer.from(JSON.stringify({ event: name })) })
  }
  put(0, 'a')
  put(0, 'b')
  put(1, 'c')
  return { log, put }
}

async function namesOf(wanted: Partial<WantedMessages> = {}): Promise<string[]> {
  const names: string[] = []
  for await (const { headers } of readMessages(filled().log, { ...everything, ...wanted })) {
    names.push(String(headers['event']))
  }
  return names.sort()
}

describe('messages of a lane', () => {
  it('are all that are durable, and then it ends', async () => {
    assert.deepEqual(await namesOf(), ['a', 'b', 'c'])
  })

  it('are those of a partition, from an offset, at most so many', async () => {
    assert.deepEqual(await namesOf({ partition: 0 }), ['a', 'b'])
    assert.deepEqual(await namesOf({ partition: 0, from: 1 }), ['b'])
    assert.deepEqual(await namesOf({ partition: 1, from: 5 }), [])
    assert.equal((await namesOf({ messagesMax: 2 })).length, 2)
    assert.deepEqual(await namesOf({ lane: 'exceptions' }), [])
  })

  it('go on as they come, when they are followed', async () => {
    const { log, put } = filled()
    const stop = new AbortController()
    const names: string[] = []
    for await (const { headers } of readMessages(log, { ...everything, follows: true, signal: stop.signal })) {
      names.push(String(headers['event']))
      if (names.length === 3) put(1, 'd')
      if (names.length === 4) stop.abort()
    }
    assert.equal(names.at(-1), 'd')
  })
})
