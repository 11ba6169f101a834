import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { normaliseEvent } from './normalise.ts'
import type { DoorFacts, NormalisedEvent } from './normalise.ts'
import type { ClientEvent } from './parse-event.ts'

const door: DoorFacts = { distinctId: 'd', ip: '', sentAtMs: undefined, hasHeatmapApart: false }

function normalised(json: string, over: Partial<DoorFacts> = {}): NormalisedEvent {
  return normaliseEvent(JSON.parse(json) as ClientEvent, { ...door, ...over })
}

function propertiesOf(json: string, over: Partial<DoorFacts> = {}): string {
  return JSON.stringify(normalised(json, over).properties)
}

describe('normaliseEvent', () => {
  it('takes the distinct id that the door resolved, without NUL', () => {
    assert.equal(normalised('{"event":"e","distinct_id":"other"}').distinctId, 'd')
    assert.equal(normalised('{"event":"e"}', { distinctId: 'a\0b' }).distinctId, 'a\ufffdb')
  })

  it('gives an event without properties empty ones', () => {
    for (const json of ['{"event":"e"}', '{"event":"e","properties":null}', '{"event":"e","properties":[1]}'])
      assert.equal(propertiesOf(json), '{}')
  })

  it('leaves heatmap data out when the door made an event of its own of it', () => {
    const json = '{"event":"e","properties":{"$heatmap_data":{"/":[]},"a":1}}'
    assert.equal(propertiesOf(json, { hasHeatmapApart: true }), '{"a":1}')
    assert.equal(propertiesOf(json), '{"$heatmap_data":{"/":[]},"a":1}')
  })

  it('lets no client say that its event of an AI came through a gateway', () => {
    const properties = '{"$ai_gateway_id":"x","$ai_gateway":true,"$ai_model":"m"}'
    assert.equal(propertiesOf(`{"event":"$ai_trace","properties":${properties}}`), '{"$ai_model":"m"}')
    assert.equal(propertiesOf(`{"event":"e","properties":${properties}}`), properties)
  })

  it('merges the event’s own $set and $set_once over those of its properties', () => {
    assert.equal(
      propertiesOf('{"event":"e","$set":{"a":1,"b":1},"$set_once":{"c":1},"properties":{"x":0,"$set":{"b":2,"d":2}}}'),
      '{"x":0,"$set":{"b":1,"d":2,"a":1},"$set_once":{"c":1}}',
    )
    assert.equal(propertiesOf('{"event":"e","$set":null,"properties":{"$set":{"a":1}}}'), '{"$set":{"a":1}}')
  })

  it('takes a $set that is no object as empty', () => {
    assert.equal(
      propertiesOf('{"event":"e","$set":[1],"properties":{"$set":"x","$set_once":null}}'),
      '{"$set":{},"$set_once":{}}',
    )
    assert.equal(propertiesOf('{"event":"e","$set":5}'), '{}')
  })

  it('keeps __proto__ as data through every merge', () => {
    const { properties } = normalised(
      '{"event":"e","$set":{"__proto__":{"a":1}},"properties":{"__proto__":{"p":1},"$set":{"__proto__":{"b":1},"c":1}}}',
    )
    assert.equal(JSON.stringify(properties), '{"__proto__":{"p":1},"$set":{"__proto__":{"a":1},"c":1}}')
    assert.equal(Object.getPrototypeOf(properties['$set']), Object.prototype)
    assert.equal(Reflect.get({}, 'a'), undefined)
  })

  it('adds the client’s address unless the event brings its own', () => {
    assert.equal(propertiesOf('{"event":"e"}', { ip: '1.2.3.4' }), '{"$ip":"1.2.3.4"}')
    assert.equal(propertiesOf('{"event":"e","properties":{"$ip":"9.9.9.9"}}', { ip: '1.2.3.4' }), '{"$ip":"9.9.9.9"}')
    assert.equal(propertiesOf('{"event":"e","properties":{"$ip":null}}', { ip: '1.2.3.4' }), '{"$ip":null}')
    assert.equal(
      propertiesOf('{"event":"e","properties":{"capture_internal":0}}', { ip: '1.2.3.4' }),
      '{"capture_internal":0,"$ip":"127.0.0.1"}',
    )
  })

  it('says when the request was sent', () => {
    const sentAtMs = Date.UTC(2021, 9, 29)
    assert.equal(propertiesOf('{"event":"e"}', { sentAtMs }), '{"$sent_at":"2021-10-29T00:00:00.000Z"}')
    assert.equal(propertiesOf('{"event":"e"}', { sentAtMs: 0 }), '{"$sent_at":"1970-01-01T00:00:00.000Z"}')
    assert.equal(propertiesOf('{"event":"e"}', { sentAtMs: 1e300 }), '{}')
  })

  it('names an event without a name $identify, and writes other names as text of at most 200 characters', () => {
    assert.equal(normalised('{"$set":{"a":1}}').name, '$identify')
    assert.equal(normalised('{"event":{"event name":"as object"}}').name, '{"event name":"as object"}')
    assert.equal(normalised('{"event":["event name","a list"]}').name, '["event name","a list"]')
    assert.equal(normalised(`{"event":"${'😀'.repeat(201)}"}`).name, '😀'.repeat(200))
  })
})
