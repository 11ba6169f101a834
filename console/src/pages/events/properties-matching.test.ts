import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { propertiesMatching } from './properties-matching.ts'

describe('the search in properties', () => {
  const properties = { plan: 'Pro', $browser: 'Firefox', cart: { items: [{ name: 'Lamp' }] }, paid: true }

  it('finds names and values in any case, and inside of objects', () => {
    assert.deepEqual(Object.keys(propertiesMatching(properties, 'PLAN')), ['plan'])
    assert.deepEqual(Object.keys(propertiesMatching(properties, 'fire ')), ['$browser'])
    assert.deepEqual(Object.keys(propertiesMatching(properties, 'lamp')), ['cart'])
    assert.deepEqual(Object.keys(propertiesMatching(properties, 'true')), ['paid'])
  })

  it('keeps everything while nothing is searched, and nothing when nothing has it', () => {
    assert.equal(propertiesMatching(properties, '  '), properties)
    assert.deepEqual(propertiesMatching(properties, 'nowhere'), {})
  })
})
