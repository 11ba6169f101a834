import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from '../kit/failure.ts'
import { silent } from '../kit/telemetry/telemetry.ts'
import { until } from '../kit/until.fixtures.ts'
import type { PartitionAssignment } from '../stores/log/partition-assignment.ts'
import { runAssigned } from './run-assigned.ts'

/** An assignment that the test changes. */
function aGroup() {
  const waiting: PromiseWithResolvers<readonly number[]>[] = []
  const given: (readonly number[])[] = []
  let hasLeft = false
  const assignment: PartitionAssignment = {
    async *follow(signal) {
      const left = new Promise<undefined>((resolve) => {
        signal.addEventListener('abort', () => resolve(undefined))
      })
      for (;;) {
        const ready = given.shift()
        const next = Promise.withResolvers<readonly number[]>()
        if (ready === undefined) waiting.push(next)
        else next.resolve(ready)
        const change = await Promise.race([next.promise, left])
        if (change === undefined) break
        yield change
      }
      hasLeft = true
    },
  }
  return {
    assignment,
    assign(partitions: readonly number[]) {
      const taker = waiting.shift()
      if (taker === undefined) given.push(partitions)
      else taker.resolve(partitions)
    },
    hasLeft: () => hasLeft,
  }
}

/** Work that says what it does and ends when it is told to, after a moment. */
function aWorker() {
  const lives: { readonly partitions: readonly number[]; isOver: boolean; fail(error: unknown): void }[] = []
  let running = 0
  return {
    lives,
    isAlone: () => running <= 1,
    async run(partitions: readonly number[], signal: AbortSignal) {
      running++
      const ended = Promise.withResolvers<undefined>()
      const life = { partitions, isOver: false, fail: (error: unknown) => ended.reject(error) }
      lives.push(life)
      assert.ok(running === 1)
      signal.addEventListener('abort', () => setImmediate(() => ended.resolve(undefined)))
      if (signal.aborted) ended.resolve(undefined)
      try {
        await ended.promise
      } finally {
        running--
        life.isOver = true
      }
    },
  }
}

describe('work on what is assigned', () => {
  it('ends before the next begins, and leaves the group when all is over', async () => {
    const group = aGroup()
    const worker = aWorker()
    const stop = new AbortController()
    const running = runAssigned(group.assignment, worker, { signal: stop.signal, telemetry: silent })
    group.assign([0, 1, 2])
    await until('the first life', () => worker.lives.length === 1)
    assert.deepEqual(running.partitions(), [0, 1, 2])
    group.assign([1])
    await until('the second life', () => worker.lives.length === 2)
    assert.deepEqual(
      worker.lives.map(({ partitions, isOver }) => [partitions, isOver]),
      [
        [[0, 1, 2], true],
        [[1], false],
      ],
    )
    assert.equal(group.hasLeft(), false)
    stop.abort()
    await running.ended
    assert.deepEqual([worker.lives[1]?.isOver, group.hasLeft(), running.partitions()], [true, true, []])
  })

  for (const code of ['SLUICE_LOG_FENCED', 'SLUICE_PROGRESS_FENCED']) {
    it(`waits for another assignment after ${code}`, async () => {
      const group = aGroup()
      const worker = aWorker()
      const stop = new AbortController()
      const running = runAssigned(group.assignment, worker, { signal: stop.signal, telemetry: silent })
      group.assign([0, 1])
      await until('a life', () => worker.lives.length === 1)
      worker.lives[0]?.fail(new Failure(code, 'Another one has it.'))
      await until('its end', () => worker.lives[0]?.isOver === true)
      group.assign([0])
      await until('the next life', () => worker.lives.length === 2)
      assert.deepEqual(worker.lives[1]?.partitions, [0])
      stop.abort()
      await running.ended
    })
  }

  it('rejects with what a life broke by, after it has left the group', async () => {
    const group = aGroup()
    const worker = aWorker()
    const { signal } = new AbortController()
    const running = runAssigned(group.assignment, worker, { signal, telemetry: silent })
    group.assign([0])
    await until('a life', () => worker.lives.length === 1)
    worker.lives[0]?.fail(new Failure('SLUICE_DERIVED_GAP', 'Something is missing.'))
    await assert.rejects(running.ended, /Something is missing/)
    assert.equal(group.hasLeft(), true)
  })
})
