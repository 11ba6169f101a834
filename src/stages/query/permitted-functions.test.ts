import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isPermittedFunction } from './permitted-functions.ts'

describe('permitted functions', () => {
  it('may be written in any case', () => {
    for (const name of ['count', 'COUNT', 'toDate', 'JSONExtractString']) assert.ok(isPermittedFunction(name), name)
  })

  it('include aggregates with combinators, several too', () => {
    for (const name of ['countIf', 'countDistinctIf', 'sumOrNullIf', 'sumMap', 'uniqExactArrayIf', 'argMaxIf']) {
      assert.ok(isPermittedFunction(name), name)
    }
  })

  it('include no states of aggregates', () => {
    for (const name of ['uniqState', 'uniqMerge', 'uniqMergeState', 'sumSimpleState', 'finalizeAggregation']) {
      assert.ok(!isPermittedFunction(name), name)
    }
  })

  it('include nothing that only looks like a combinator', () => {
    for (const name of ['if_', 'fileIf', 'sleepIf', 'dictGetArray', 'map_', '', 'hostNameOrNull']) {
      assert.ok(!isPermittedFunction(name), name)
    }
  })
})
