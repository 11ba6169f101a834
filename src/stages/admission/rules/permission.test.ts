import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { forbiddenReason, isPermitted } from './permission.ts'

describe('the rule about what a token may write', () => {
  it('permits everything to a token of which nothing is said', () => {
    assert.equal(isPermitted(undefined, 'events_plugin_ingestion'), true)
  })

  it('permits the lanes of a token, and says so of others', () => {
    const lanes = ['exceptions', 'client_warnings'] as const
    assert.equal(isPermitted(lanes, 'client_warnings'), true)
    assert.equal(isPermitted(lanes, 'historical_events'), false)
    assert.equal(isPermitted([], 'historical_events'), false)
    assert.equal(
      forbiddenReason(lanes, 'historical_events'),
      'this token may not write to historical_events, only to exceptions, client_warnings',
    )
  })
})
