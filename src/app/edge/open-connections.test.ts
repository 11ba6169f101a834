import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { beforeEach, describe, it } from 'node:test'
import { OpenConnections } from './open-connections.ts'
import { SourceBudgets } from './source-budgets.ts'
import type { Source } from './source-budgets.ts'

class SomeSocket extends EventEmitter {
  bytesRead = 0
  bytesWritten = 0
  destroyed = false
  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
}

const source = new SourceBudgets({
  connectionsMax: 1,
  connectionsPerSourceMax: 1,
  requestsPerSecondPerSourceMax: 1,
}).of('203.0.113.9')
let nowMs: number
let open: OpenConnections

beforeEach(() => {
  nowMs = 0
  open = new OpenConnections(() => nowMs)
})

function connect(of: Source | undefined): SomeSocket {
  const socket = new SomeSocket()
  open.watch(socket as unknown as Socket, of)
  return socket
}

function told(): number[] {
  const all: number[] = []
  open.takeBytes((_, of, bytes) => {
    assert.equal(of, source)
    all.push(bytes)
  })
  return all
}

describe('open connections', () => {
  it('tell each byte once, and none of those without a budget', () => {
    const one = connect(source)
    const other = connect(undefined)
    one.bytesRead = 100
    other.bytesRead = 100
    assert.deepEqual(told(), [100])
    assert.deepEqual(told(), [])
    one.bytesRead = 150
    assert.deepEqual(told(), [50])
    one.destroy()
    one.bytesRead = 200
    assert.deepEqual(told(), [])
  })

  it('are closed when nothing moves on them, whoever they belong to', () => {
    const silent = connect(undefined)
    const reading = connect(source)
    const writing = connect(source)
    for (nowMs = 0; nowMs <= 120; nowMs += 10) {
      reading.bytesWritten++
      writing.bytesRead++
      open.closeSilent(100)
      assert.equal(silent.destroyed, nowMs > 100, String(nowMs))
    }
    assert.deepEqual([reading.destroyed, writing.destroyed], [false, false])
  })
})
