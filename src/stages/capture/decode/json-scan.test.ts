import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createJsonScanner, flagUnstorable, recordWords, slotOf, wordOf } from './json-scan.ts'
import type { Layout, ScanProblem } from './json-scan.ts'

const limits = { depthMax: 128, keysMax: 100_000, eventsMax: 1000 }
const scan = createJsonScanner(limits)
const runs = { seed: 20_261_121, numRuns: 3000 }

function accepts(text: string): boolean {
  return scan(Buffer.from(text)).kind === 'layout'
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function layoutOf(body: Buffer): Layout {
  const layout = scan(body)
  assert.ok(layout.kind === 'layout')
  return layout
}

function problemOf(text: string, scanner = scan): ScanProblem {
  const result = scanner(Buffer.from(text))
  assert.ok(result.kind === 'problem')
  return result
}

/** The text of a field in a record; undefined when it is not there. */
function fieldText(body: Buffer, layout: Layout, record: number, slot: number): string | undefined {
  const at = record * recordWords + slot
  const end = layout.words[at + 1] ?? 0
  return end === 0 ? undefined : body.toString('utf8', layout.words[at], end)
}

/** Replaces, removes or inserts bytes that are likely to matter. */
const mutation = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('replace', 'insert', 'remove', 'truncate'),
  with: fc.oneof(
    fc.constantFrom(...Array.from('{}[]",:\\/ \n\t\r\u0001\u001f0123456789-+.eEtruefalsn u\u007f\ufeff\u00e9')),
    fc.string({ maxLength: 1 }),
  ),
})

function mutated(text: string, mutations: readonly { at: number; kind: string; with: string }[]): string {
  let result = text
  for (const m of mutations) {
    const at = result.length === 0 ? 0 : m.at % (result.length + 1)
    if (m.kind === 'replace') result = result.slice(0, at) + m.with + result.slice(at + 1)
    else if (m.kind === 'insert') result = result.slice(0, at) + m.with + result.slice(at)
    else if (m.kind === 'remove') result = result.slice(0, at) + result.slice(at + 1)
    else result = result.slice(0, at)
  }
  return result.toWellFormed()
}

describe('the JSON scanner', () => {
  it('accepts all that JSON.parse accepts', () => {
    const space = fc.constantFrom('', ' ', '\n', '\t', 2)
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), space, (text, indent) => {
        assert.ok(accepts(text))
        assert.ok(accepts(` \r\n${JSON.stringify(JSON.parse(text), undefined, indent)}\t`))
      }),
      runs,
    )
  })

  it('accepts a damaged text exactly when JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.array(mutation, { minLength: 1, maxLength: 4 }), (text, mutations) => {
        const damaged = mutated(text, mutations)
        assert.equal(accepts(damaged), parses(damaged), JSON.stringify(damaged))
      }),
      { ...runs, numRuns: 20_000 },
    )
  })

  it('agrees with JSON.parse about short texts made of the characters of JSON', () => {
    const alphabet = fc.constantFrom(
      ...Array.from('{}[]",:\\u0019dD8cC-+.eEtruefalsn \n'),
      '"a"',
      '":',
      'true',
      '\\u',
      'null',
    )
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        assert.equal(accepts(text), parses(text), JSON.stringify(text))
      }),
      { ...runs, numRuns: 30_000 },
    )
  })

  for (const text of [
    '',
    ' ',
    '-',
    '-0',
    '01',
    '1.',
    '1.e1',
    '1e',
    '1e+',
    '1E-07',
    '.5',
    '+1',
    '0x1',
    'nul',
    'nulll',
    'truefalse',
    '"',
    '"\\',
    '"\\u',
    '"\\u12',
    '"\\u12g4"',
    '"\\x41"',
    '"\u007f\u2028"',
    '"\t"',
    '[1,]',
    '[,1]',
    '{"a":1,}',
    '{"a"}',
    '{a:1}',
    "{'a':1}",
    '[1 2]',
    '{"a":1 "b":2}',
    '[]]',
    '{}{}',
    '\ufeff{}',
    '[1]x',
    '\u000b1',
    '\u00a01',
    'NaN',
    '// c\n1',
    '"\ud83d\ude00é€"',
    '1e999',
    '9'.repeat(5000),
  ]) {
    it(`agrees with JSON.parse about ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.equal(accepts(text), parses(text))
    })
  }

  it('reads a text that lies in the middle of a larger buffer and looks no further', () => {
    const whole = Buffer.from('xx[true]e"')
    assert.equal(scan(whole.subarray(2, 8)).kind, 'layout')
    assert.equal(scan(whole.subarray(2, 7)).kind, 'problem')
    assert.equal(scan(Buffer.from('[1]23').subarray(1, 2)).kind, 'layout')
  })

  it('notes where the fields of each event of a batch stand', () => {
    const text =
      '{"api_key": "t", "x": {"batch":[1]}, "sent_at":"s","historical_migration":true, "batch": [ {"event":"a","properties":{"distinct_id":7,"n":{"token":"no"},"token":"p"},"uuid":"u"} , {"distinct_id":["x"],"timestamp":null}, 5 ]}'
    const body = Buffer.from(text)
    const layout = layoutOf(body)
    assert.equal(layout.root, 'object')
    assert.equal(layout.eventCount, 3)
    const at = (record: number, slot: number) => fieldText(body, layout, record, slot)
    assert.deepEqual(
      [at(0, slotOf.apiKey), at(0, slotOf.sentAt), at(0, slotOf.historicalMigration)],
      ['"t"', '"s"', 'true'],
    )
    assert.match(at(0, slotOf.batch) ?? '', /^\[ \{.* 5 \]$/)
    assert.equal(at(1, slotOf.event), '"a"')
    assert.equal(at(1, slotOf.uuid), '"u"')
    assert.equal(at(1, slotOf.properties), '{"distinct_id":7,"n":{"token":"no"},"token":"p"}')
    assert.equal(at(1, slotOf.propertiesDistinctId), '7')
    assert.equal(at(1, slotOf.propertiesToken), '"p"')
    assert.equal(at(1, slotOf.distinctId), undefined)
    assert.equal(at(2, slotOf.distinctId), '["x"]')
    assert.equal(at(2, slotOf.timestamp), 'null')
    assert.equal(at(3, wordOf.start), '5')
    assert.equal(layout.words[recordWords + wordOf.keys], 7)
    assert.equal(
      at(1, wordOf.start),
      '{"event":"a","properties":{"distinct_id":7,"n":{"token":"no"},"token":"p"},"uuid":"u"}',
    )
  })

  it('notes the fields of a single event, and of the elements of an array', () => {
    const single = Buffer.from('{"event":"a","$token":"t","$distinct_id":1,"properties":{}}')
    const one = layoutOf(single)
    assert.equal(one.eventCount, 0)
    assert.equal(fieldText(single, one, 0, slotOf.event), '"a"')
    assert.equal(fieldText(single, one, 0, slotOf.dollarToken), '"t"')
    assert.equal(fieldText(single, one, 0, slotOf.dollarDistinctId), '1')
    assert.equal(fieldText(single, one, 0, slotOf.properties), '{}')
    const array = Buffer.from('[{"token":"t","batch":[{"event":"no"}]},{}]')
    const two = layoutOf(array)
    assert.equal(two.root, 'array')
    assert.equal(two.eventCount, 2)
    assert.equal(fieldText(array, two, 1, slotOf.token), '"t"')
  })

  it('lets the last one of two equal keys count, as JSON.parse does', () => {
    const text =
      '{"batch":[{"event":"old"},{"event":"old"}],"batch":[{"event":"a","event":"b","properties":{"token":"x","distinct_id":1},"properties":{"distinct_id":2}}]}'
    const body = Buffer.from(text)
    const layout = layoutOf(body)
    assert.equal(layout.eventCount, 1)
    assert.equal(fieldText(body, layout, 1, slotOf.event), '"b"')
    assert.equal(fieldText(body, layout, 1, slotOf.propertiesDistinctId), '2')
    assert.equal(fieldText(body, layout, 1, slotOf.propertiesToken), undefined)
    assert.equal(layoutOf(Buffer.from('{"batch":[{}],"batch":null}')).eventCount, 0)
  })

  it('finds each field where JSON.parse finds it, whatever the keys and their order', () => {
    const key = fc.constantFrom(
      'event',
      'uuid',
      'distinct_id',
      'timestamp',
      'token',
      'properties',
      'prop',
      '__proto__',
      '\u0065vent',
      'é',
    )
    const value = fc.oneof(
      { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 1 }) },
      { weight: 1, arbitrary: fc.constant({ distinct_id: 1, token: 'x' }) },
    )
    const escaped = (name: string) => JSON.stringify(name).replace('e', '\\u0065')
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value, fc.boolean()), { maxLength: 8 }), (pairs) => {
        const text = `[{${pairs.map(([k, v, e]) => `${e ? escaped(k) : JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}]`
        const body = Buffer.from(text)
        const layout = layoutOf(body)
        const expected = (JSON.parse(text) as Record<string, unknown>[])[0] ?? {}
        for (const [name, slot] of [
          ['event', slotOf.event],
          ['uuid', slotOf.uuid],
          ['distinct_id', slotOf.distinctId],
          ['properties', slotOf.properties],
        ] as const) {
          const found = fieldText(body, layout, 1, slot)
          assert.deepEqual(found === undefined ? undefined : JSON.parse(found), expected[name])
        }
      }),
      runs,
    )
  })

  it('finds each property where JSON.parse finds it, whatever the keys and their order', () => {
    const slots = {
      distinct_id: slotOf.propertiesDistinctId,
      token: slotOf.propertiesToken,
      $session_id: slotOf.propertiesSessionId,
      $cookieless_mode: slotOf.cookielessMode,
      capture_internal: slotOf.propertiesCaptureInternal,
      $heatmap_data: slotOf.heatmapData,
      $prev_pageview_pathname: slotOf.previousPathname,
      $current_url: slotOf.currentUrl,
    }
    const others = [
      '$session_iD',
      '$lib_version',
      'capture_internaL',
      '$heatmap_datA',
      '__proto__',
      'a'.repeat(200),
      '',
    ]
    const key = fc.constantFrom(...Object.keys(slots), ...others)
    const value = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constant({ $session_id: 'deeper', $current_url: 1 }))
    const pair = fc.tuple(key, value, fc.boolean())
    const inBatch = fc.boolean()
    fc.assert(
      fc.property(
        fc.array(pair, { maxLength: 10 }),
        fc.array(pair, { maxLength: 3 }),
        inBatch,
        (pairs, outer, isBatch) => {
          const written = (list: typeof pairs) =>
            list.map(([name, one, isEscaped]) => {
              const text = JSON.stringify(name)
              return `${isEscaped ? text.replace('$', '\\u0024') : text}:${JSON.stringify(one)}`
            })
          const event = `{${[...written(outer), `"properties":{${written(pairs).join(',')}}`].join(',')}}`
          const body = Buffer.from(isBatch ? `{"batch":[1,${event}]}` : event)
          const layout = layoutOf(body)
          const expected = (JSON.parse(event) as { properties: Record<string, unknown> }).properties
          for (const [name, slot] of Object.entries(slots)) {
            const found = fieldText(body, layout, isBatch ? 2 : 0, slot)
            assert.deepEqual(
              found === undefined ? undefined : JSON.parse(found),
              Object.hasOwn(expected, name) ? expected[name] : undefined,
            )
          }
        },
      ),
      runs,
    )
  })

  it('flags the event that holds a NUL or a lone surrogate, and no other', () => {
    const flagged = (value: string) => {
      const layout = layoutOf(Buffer.from(`[{"a":1},{"k":["${value}"]},{"b":"c"}]`))
      return [1, 2, 3].map((n) => (layout.words[n * recordWords + wordOf.flags] ?? 0) & flagUnstorable)
    }
    for (const bad of [
      '\\u0000',
      'x\\u0000',
      '\\ud800',
      '\\uDC00',
      '\\ud83dx',
      '\\udc00\\ud800',
      '\\ud83d\\ud83d\\ude00',
      '\\ud83d\\\\ude00',
      '\\ud83d\\ude00\\ude00',
    ])
      assert.deepEqual(flagged(bad), [0, 1, 0], bad)
    for (const good of ['\\ud83d\\ude00', '\\\\u0000', '\\u0001', '\\u00e9', '\\ud83d\\ude00\\uD83D\\uDE00'])
      assert.deepEqual(flagged(good), [0, 0, 0], good)
    const single = layoutOf(Buffer.from('{"event":"x","\\u0000":1}'))
    assert.equal(single.words[wordOf.flags], flagUnstorable)
  })

  it('refuses a nesting of 100,000 with the cap and the place', () => {
    const deep = problemOf('['.repeat(100_000) + ']'.repeat(100_000))
    assert.deepEqual([deep.cause, deep.position, deep.message], ['depth', 128, 'nesting deeper than 128 at byte 128'])
    assert.ok(accepts('['.repeat(128) + ']'.repeat(128)))
    assert.equal(problemOf('{"a":'.repeat(129) + '1' + '}'.repeat(129)).cause, 'depth')
  })

  it('refuses more keys and more events than the caps allow', () => {
    const small = createJsonScanner({ depthMax: 8, keysMax: 3, eventsMax: 2 })
    assert.equal(small(Buffer.from('{"a":{"b":1},"c":2}')).kind, 'layout')
    assert.equal(problemOf('{"a":{"b":1},"c":2,"d":3}', small).message, 'more than 3 keys at byte 19')
    assert.equal(small(Buffer.from('[{},{}]')).kind, 'layout')
    assert.equal(problemOf('[{},{},{}]', small).cause, 'events')
  })

  it('keeps records apart when there are more events than before', () => {
    const body = Buffer.from(JSON.stringify(Array.from({ length: 999 }, (_, n) => ({ event: `e${String(n)}` }))))
    const layout = layoutOf(body)
    assert.equal(layout.eventCount, 999)
    assert.equal(fieldText(body, layout, 1, slotOf.event), '"e0"')
    assert.equal(fieldText(body, layout, 999, slotOf.event), '"e998"')
  })

  it('says what was expected and where', () => {
    assert.equal(problemOf('{"a":1').message, "expected ',' or '}' but the text ends at byte 6")
    assert.equal(problemOf('[1 2]').message, "expected ',' or ']' at byte 3")
    assert.equal(problemOf('{"a" 1}').message, "expected ':' at byte 5")
    assert.equal(problemOf('[1,]').message, 'expected a value at byte 3')
    assert.equal(problemOf('').message, 'expected a value but the text ends at byte 0')
    assert.equal(problemOf('{} x').message, 'expected the end at byte 3')
  })
})
