import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseMerge, type MergeCandidate } from './merge-plan.ts'

const limits = { filesMax: 64, spanMsMax: 1000 }

function files(
  ...spec: readonly (readonly [keyCount: number, oldestTimeMs: number, newestTimeMs: number])[]
): MergeCandidate[] {
  return spec.map(([keyCount, oldestTimeMs, newestTimeMs]) => ({
    keyCount,
    oldestTimeMs,
    newestTimeMs,
    isMergeable: true,
  }))
}

function equalFiles(count: number): MergeCandidate[] {
  return files(...Array.from({ length: count }, (_, i) => [100_000, i * 10, i * 10 + 10] as const))
}

function chosenRange(candidates: readonly MergeCandidate[], filesMax = limits.filesMax): readonly number[] | undefined {
  const group = chooseMerge(candidates, { ...limits, filesMax })
  return group === undefined ? undefined : [group.from, group.to]
}

describe('the merge plan', () => {
  it('waits for six files of one size, then merges them', () => {
    assert.equal(chosenRange(equalFiles(5)), undefined)
    assert.deepEqual(chosenRange(equalFiles(6)), [0, 5])
  })

  it('leaves a big file alone for a few small neighbours', () => {
    assert.equal(chosenRange([...files([5_000_000, 0, 10]), ...equalFiles(5)]), undefined)
  })

  it('makes no file of a longer span than permitted', () => {
    const long = files([1e6, 0, 400], [1e6, 400, 800], [1e6, 800, 1200], [1e6, 1200, 1600])
    assert.deepEqual(chosenRange(long), [0, 1])
    assert.equal(chosenRange(files([1e6, 0, 600], [1e6, 600, 1200], [1e6, 1200, 1800])), undefined)
  })

  it('merges the cheapest neighbours when there are as many files as permitted', () => {
    const scattered = files([3e6, 0, 900], [1e6, 2000, 2900], [2e6, 4000, 4900])
    assert.equal(chosenRange(scattered), undefined)
    assert.deepEqual(chosenRange(scattered, 3), [1, 2])
  })

  it('neither merges a damaged file nor passes over it', () => {
    const [first, ...rest] = equalFiles(12)
    assert.ok(first !== undefined)
    const around = [...equalFiles(5), { ...first, isMergeable: false }, ...rest.slice(5, 10)]
    assert.equal(chosenRange(around), undefined)
  })

  it('keeps 1,300 segments a day in about 20 files or fewer', () => {
    const day = 86_400_000
    let kept: MergeCandidate[] = []
    let most = 0
    let rewritten = 0
    const segments = 2600
    for (let i = 0; i < segments; i++) {
      const newestTimeMs = ((i + 1) * day) / 1300
      kept.push({ keyCount: 75_000, oldestTimeMs: (i * day) / 1300, newestTimeMs, isMergeable: true })
      kept = kept.filter((file) => file.newestTimeMs >= newestTimeMs - day)
      for (;;) {
        const plan = chooseMerge(kept, { filesMax: 64, spanMsMax: day / 6 })
        if (plan === undefined) break
        const merged = kept.slice(plan.from, plan.to + 1)
        const keyCount = merged.reduce((sum, file) => sum + file.keyCount, 0)
        rewritten += keyCount
        kept.splice(plan.from, merged.length, {
          keyCount,
          oldestTimeMs: Math.min(...merged.map((file) => file.oldestTimeMs)),
          newestTimeMs: Math.max(...merged.map((file) => file.newestTimeMs)),
          isMergeable: true,
        })
      }
      most = Math.max(most, kept.length)
    }
    assert.ok(most <= 26, `${String(most)} files`)
    assert.ok(
      rewritten / (segments * 75_000) < 4.5,
      `each key rewritten ${String(rewritten / (segments * 75_000))} times`,
    )
  })
})
