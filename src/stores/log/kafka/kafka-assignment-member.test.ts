import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../../kit/seeded-random.ts'
import { createGroupMember } from './kafka-assignment-member.ts'
import type { GroupMember } from './kafka-assignment-member.ts'

const topicId = '0b1e1c4e-0000-4000-8000-000000000001'
const answer = (memberEpoch: number, ...partitions: number[]) => ({ memberEpoch, assigned: { topicId, partitions } })

/** As whoever works does: takes the news, and asks again when it has heeded them. */
function heeds(member: GroupMember): void {
  const news = member.news()
  assert.ok(news)
  member.show(news)
  member.asked()
}

describe('a member of a Kafka group', () => {
  it('joins with epoch 0 and nothing, and goes on with the epoch that it is told', () => {
    const member = createGroupMember()
    assert.deepEqual(member.heartbeat(), { memberEpoch: 0, topicId: '', held: [] })
    assert.equal(member.news(), undefined)
    member.answered(answer(3, 2, 0))
    assert.equal(member.isIn, true)
    assert.deepEqual(member.news(), [0, 2])
    assert.deepEqual(member.heartbeat(), { memberEpoch: 3, topicId, held: [0, 2] })
  })

  it('shows what it is assigned once, and nothing new while nothing has changed', () => {
    const member = createGroupMember()
    member.answered(answer(1, 0, 1))
    heeds(member)
    member.answered(answer(2, 1, 0))
    member.answered({ memberEpoch: 2, assigned: undefined })
    assert.equal(member.news(), undefined)
    member.answered(answer(3, 1))
    member.answered(answer(4))
    assert.deepEqual(member.news(), [])
  })

  it('holds what it has to give up until whoever works asks for the next', () => {
    const member = createGroupMember()
    member.answered(answer(1, 0, 1, 2))
    heeds(member)
    member.answered(answer(1, 0))
    assert.deepEqual(member.heartbeat().held, [0, 1, 2])
    member.show(member.news() ?? [])
    assert.deepEqual(member.heartbeat().held, [0, 1, 2])
    assert.equal(member.asked(), true)
    assert.deepEqual(member.heartbeat().held, [0])
    assert.equal(member.asked(), false)
  })

  it('holds nothing that it was given and deprived of before anybody saw it', () => {
    const member = createGroupMember()
    member.answered(answer(1, 0, 1))
    member.answered(answer(1, 0))
    assert.deepEqual(member.heartbeat().held, [0])
  })

  it('joins again when it was expelled, and claims nothing of what it had', () => {
    const member = createGroupMember()
    member.answered(answer(5, 0, 1))
    heeds(member)
    member.expelled()
    assert.equal(member.isIn, false)
    assert.deepEqual(member.heartbeat(), { memberEpoch: 0, topicId, held: [] })
    member.asked()
    assert.deepEqual(member.heartbeat().held, [])
    member.answered(answer(7, 1))
    assert.deepEqual(member.news(), [1])
    assert.deepEqual(member.heartbeat(), { memberEpoch: 7, topicId, held: [1] })
  })

  it('keeps what it has while the group cannot be reached, and loses it when it is out besides', () => {
    const member = createGroupMember()
    member.unreachable()
    assert.equal(member.news(), undefined)
    member.answered(answer(1, 0, 1))
    heeds(member)
    member.unreachable()
    assert.equal(member.news(), undefined)
    member.expelled()
    assert.equal(member.news(), undefined)
    member.unreachable()
    assert.deepEqual(member.news(), [])
  })

  it('holds nothing of a topic that was made anew', () => {
    const member = createGroupMember()
    member.answered(answer(1, 0, 1))
    heeds(member)
    const other = 'ffffffff-0000-4000-8000-000000000002'
    member.answered({ memberEpoch: 2, assigned: { topicId: other, partitions: [1] } })
    assert.deepEqual(member.heartbeat(), { memberEpoch: 2, topicId: other, held: [1] })
  })

  const seed = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 100_000)
  it(`never shares a partition with another while both are in and ask when they are done (seed ${String(seed)})`, () => {
    const random = seededRandom(seed)
    const count = 6
    const members = [0, 1, 2].map(() => ({ member: createGroupMember(), works: new Set<number>() }))
    /** As the brokers see it: who was given a partition last, and has not said since that it gave it up. */
    const givenTo = new Map<number, GroupMember>()
    const targets = new Map<number, GroupMember>()
    let epoch = 1
    for (let step = 0; step < 5_000; step++) {
      const { member, works } = members[Math.floor(random() * members.length)] ?? assert.fail()
      const choice = random()
      if (choice < 0.1) {
        const chosen = members[Math.floor(random() * members.length)] ?? assert.fail()
        targets.set(Math.floor(random() * count), chosen.member)
        epoch++
      } else if (choice < 0.6) {
        const { held } = member.heartbeat()
        const given: number[] = []
        for (let partition = 0; partition < count; partition++) {
          if (givenTo.get(partition) === member && !held.includes(partition)) givenTo.delete(partition)
          if (targets.get(partition) !== member) continue
          if (!givenTo.has(partition)) givenTo.set(partition, member)
          if (givenTo.get(partition) === member) given.push(partition)
        }
        // The answer may be lost.
        if (random() < 0.8) member.answered(answer(epoch, ...given))
      } else {
        const news = member.news()
        if (news === undefined) continue
        member.show(news)
        // Work ends first, then that is said, then the next begins.
        works.clear()
        member.asked()
        for (const partition of news) works.add(partition)
      }
      const working = members.flatMap((one) => [...one.works])
      assert.equal(new Set(working).size, working.length, `step ${String(step)}: ${String(working)}`)
    }
  })
})
