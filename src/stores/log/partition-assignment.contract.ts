/** What every `PartitionAssignment` promises; called by each adapter's tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PartitionAssignment } from './partition-assignment.ts'

export interface AssignmentUnderTest {
  /** Another process among those that share the partitions. */
  readonly join: () => PartitionAssignment
}

export interface AssignmentSuite {
  /** Partitions that nobody has taken part in yet. */
  readonly open: (partitionCount: number) => Promise<AssignmentUnderTest>
  /** Whether several processes share the partitions. */
  readonly isShared: boolean
  readonly skip?: string | false
}

/** How long partitions may take to come to where they belong: those who assign them may do so every some seconds only. */
const settledMsMax = 60_000
/** In which whoever wrongly gets what others still have would get it. */
const undisturbedMs = 3_000

export function describePartitionAssignment(name: string, { open, isShared, skip = false }: AssignmentSuite): void {
  describe(`${name} as an assignment of partitions`, { skip }, () => {
    it('gives all partitions to one alone, ascending, and ends when told', async () => {
      const { join } = await open(5)
      const one = aMember(join())
      await settled([one], 5)
      assert.deepEqual(one.partitions, [0, 1, 2, 3, 4])
      await one.leave()
    })

    it('yields nothing to one who is told to leave before it begins', async () => {
      const { join } = await open(2)
      const yielded: (readonly number[])[] = []
      for await (const partitions of join().follow(AbortSignal.abort())) yielded.push(partitions)
      assert.deepEqual(yielded, [])
    })

    it('leaves when nobody asks any more, and can be followed again', async () => {
      const { join } = await open(2)
      const assignment = join()
      let first: readonly number[] = []
      for await (const partitions of assignment.follow(new AbortController().signal)) {
        first = partitions
        if (first.length === 2) break
      }
      const again = aMember(assignment)
      await settled([again], 2)
      assert.deepEqual(again.partitions, first)
      await again.leave()
    })

    if (!isShared) return

    it(
      'shares the partitions evenly among those who are there, while they come and go',
      { timeout: 240_000 },
      async () => {
        const { join } = await open(16)
        const first = aMember(join())
        await settled([first], 16)
        const second = aMember(join())
        await settled([first, second], 16)
        const third = aMember(join())
        await settled([first, second, third], 16)
        await first.leave()
        await settled([second, third], 16)
        await third.leave()
        await settled([second], 16)
        await second.leave()
      },
    )

    it('gives none to whoever comes when each partition has somebody', { timeout: 120_000 }, async () => {
      const { join } = await open(2)
      const members = [aMember(join()), aMember(join()), aMember(join())]
      await settled(members, 2)
      assert.deepEqual(members.map(({ partitions }) => partitions?.length).sort(), [0, 1, 1])
      const leaving = members.find(({ partitions }) => partitions?.length === 1)
      const staying = members.filter((member) => member !== leaving)
      await leaving?.leave()
      await settled(staying, 2)
      for (const member of staying) await member.leave()
    })

    it(
      'gives partitions to others once whoever had them asks for the next, which is what is true by then',
      { timeout: 120_000 },
      async () => {
        const { join } = await open(4)
        const busy = aMember(join())
        await settled([busy], 4)
        const finish = busy.work()
        const second = aMember(join())
        await eventually('the second is told what it has', () => second.partitions !== undefined)
        const third = aMember(join())
        await eventually('the third is told what it has', () => third.partitions !== undefined)
        await sleep(undisturbedMs)
        // It was told to give some up, and has not said yet that it did.
        assert.deepEqual([second.partitions, third.partitions], [[], []])
        finish()
        await settled([busy, second, third], 4)
        for (const member of [busy, second, third]) await member.leave()
      },
    )

    it(
      'gives everything to those who stay when one leaves in the middle of its work',
      { timeout: 120_000 },
      async () => {
        const { join } = await open(4)
        const busy = aMember(join())
        await settled([busy], 4)
        const finish = busy.work()
        const second = aMember(join())
        await eventually('the second is told what it has', () => second.partitions !== undefined)
        const left = busy.leave()
        finish()
        await left
        await settled([second], 4)
        await second.leave()
      },
    )
  })
}

/** What it was told last; undefined: nothing yet. */
interface Told {
  readonly partitions: readonly number[] | undefined
}

interface Member extends Told {
  /** From now on it does not ask for the next, until told to. */
  work(): () => void
  /** Resolves when it has left. */
  leave(): Promise<void>
}

export function aMember(assignment: PartitionAssignment): Member {
  const leaving = new AbortController()
  let partitions: readonly number[] | undefined
  let finished = Promise.resolve()
  const following = (async () => {
    for await (const yielded of assignment.follow(leaving.signal)) {
      assert.deepEqual(
        yielded,
        [...yielded].sort((a, b) => a - b),
      )
      assert.notDeepEqual(yielded, partitions, 'what has not changed is told again')
      partitions = yielded
      await finished
    }
  })()
  following.catch(() => undefined)
  return {
    get partitions() {
      return partitions
    },
    work() {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      finished = promise.then(() => undefined)
      return () => {
        resolve(undefined)
      }
    },
    async leave() {
      leaving.abort()
      await following
    },
  }
}

/** Resolves once every partition has exactly one of the members, and none of them has much more than another. */
export async function settled(members: readonly Told[], partitionCount: number): Promise<void> {
  const all = Array.from({ length: partitionCount }, (_, partition) => partition)
  await eventually('the partitions are shared', () => {
    const counts = members.map(({ partitions }) => partitions?.length ?? -1)
    const had = members.flatMap(({ partitions }) => partitions ?? []).sort((a, b) => a - b)
    return String(had) === String(all) && Math.max(...counts) - Math.min(...counts) <= 1
  })
}

async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + settledMsMax
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`It never happened that ${what}.`)
    await sleep(10)
  }
}
