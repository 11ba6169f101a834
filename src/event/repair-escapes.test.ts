import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { mayNeedRepair, repairEscapes } from './repair-escapes.ts'

describe('repairEscapes', () => {
  it('replaces the escapes of NUL and of lone surrogates, keys included', () => {
    assert.equal(repairEscapes('{"a\\u0000":"\\ud800x\\uDFFF"}'), '{"a\\ufffd":"\\ufffdx\\ufffd"}')
    assert.equal(repairEscapes('"\\ud83d\\ud83d\\ude00\\ude00"'), '"\\ufffd\\ud83d\\ude00\\ufffd"')
  })

  it('leaves pairs, other escapes and escaped backslashes as they are', () => {
    for (const json of ['"\\ud83d\\ude00"', '"\\\\u0000"', '"\\\\\\\\ud800"', '"\\n\\"\\u0001\\/"', '"plain"'])
      assert.equal(repairEscapes(json), json)
    assert.equal(repairEscapes('"\\\\\\u0000"'), '"\\\\\\ufffd"')
  })

  it('does to a text what replacing characters does to its value', () => {
    const unit = fc.constantFrom('\0', '\ud83d', '\ude00', '\ud800', '\udfff', '\\', 'u', '0000', 'é', '"', '\n', 'a')
    const escaped = (text: string) =>
      `"${Array.from({ length: text.length }, (_, n) => `\\u${text.charCodeAt(n).toString(16).padStart(4, '0')}`).join('')}"`
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 12 }), fc.boolean(), (units, fully) => {
        const text = units.join('')
        const json = fully ? escaped(text) : JSON.stringify(text)
        const expected = text.replaceAll('\0', '\ufffd').toWellFormed()
        assert.equal(JSON.parse(repairEscapes(json)), expected)
        if (!mayNeedRepair(json)) assert.equal(text, expected)
      }),
      { seed: 20_261_121, numRuns: 5000 },
    )
  })
})
