import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { historyFrom, historyMax, keepHistory, remembered } from './question-history.ts'
import type { AskedQuestion } from './question-history.ts'

const at = '2026-11-21T00:00:00.000Z'

function aShelf() {
  const kept = new Map<string, string>()
  return {
    kept,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  }
}

describe('the history of questions', () => {
  it('survives on its shelf, apart for each project, until it is cleared', () => {
    const shelf = aShelf()
    keepHistory(shelf, 1, [{ query: 'SELECT 1', at }])
    assert.deepEqual(historyFrom(shelf, 1), [{ query: 'SELECT 1', at }])
    assert.deepEqual(historyFrom(shelf, 2), [])
    keepHistory(shelf, 1, [])
    assert.equal(shelf.kept.size, 0)
  })

  it('has each question once, the newest first, and no more than its bound', () => {
    let history: readonly AskedQuestion[] = []
    for (let n = 0; n < historyMax + 20; n++) history = remembered(history, { query: `SELECT ${String(n)}`, at })
    history = remembered(history, { query: 'SELECT 50', at })
    assert.equal(history.length, historyMax)
    assert.equal(history[0]?.query, 'SELECT 50')
    assert.equal(history.filter(({ query }) => query === 'SELECT 50').length, 1)
  })

  it('keeps neither empty nor very long ones', () => {
    assert.deepEqual(remembered([], { query: '  ', at }), [])
    assert.deepEqual(remembered([], { query: 'x'.repeat(30_000), at }), [])
  })

  it('is empty when somebody else wrote there, and lives on when the shelf is full', () => {
    const shelf = aShelf()
    for (const text of ['{', '{"a":1}', '[1,{"query":2}]']) {
      shelf.setItem('sluice-sql-history-1', text)
      assert.deepEqual(historyFrom(shelf, 1), [])
    }
    const full = { ...shelf, setItem: () => assert.fail('full') }
    keepHistory(full, 1, [{ query: 'SELECT 1', at }])
  })
})
