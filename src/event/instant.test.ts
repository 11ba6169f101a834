import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { instantFrom } from './instant.ts'

const noon = '2021-10-29T12:00:00.000Z'
const midnight = '2021-10-29T00:00:00.000Z'

const known: readonly (readonly [string, string])[] = [
  [noon, noon],
  ['2021-10-29T12:00:00Z', noon],
  ['2021-10-29t12:00:00z', noon],
  ['2021-10-29T12:00:00', noon],
  ['2021-10-29 12:00:00', noon],
  ['2021-10-29 12:00', noon],
  ['2021-10-29T12', noon],
  [' 2021-10-29T12:00:00Z ', noon],
  ['2021-10-29 12:00:00.000000', noon],
  ['2021-10-29T12:00:00.123456789Z', '2021-10-29T12:00:00.123Z'],
  ['2021-10-29T12:00:00,5Z', '2021-10-29T12:00:00.500Z'],
  ['2021-10-29T12:00:00.1Z', '2021-10-29T12:00:00.100Z'],
  ['2021-10-29T16:00:00+04:00', noon],
  ['2021-10-29T16:00:00.000+0400', noon],
  ['2021-10-29T15:00:00+03', noon],
  ['2021-10-29T07:00:00-05', noon],
  ['2021-10-29 12:00:00 +00:00', noon],
  ['2021-10-29 12:00:00+00:00', noon],
  ['2021-10-29T12:00:00.000-00:00', noon],
  ['2021-10-29 12:00:00 UTC', noon],
  ['20211029T120000Z', noon],
  ['20211029', midnight],
  ['2021-10-29', midnight],
  ['2021-10', '2021-10-01T00:00:00.000Z'],
  ['2021', '2021-01-01T00:00:00.000Z'],
  ['2021-W43-5', midnight],
  ['2021W435', midnight],
  ['2021-W43-5T12:00:00Z', noon],
  ['2021-W43', '2021-10-25T00:00:00.000Z'],
  ['2020-W53-5', '2021-01-01T00:00:00.000Z'],
  ['1969-W01-1', '1968-12-30T00:00:00.000Z'],
  ['2021-302', midnight],
  ['2021302', midnight],
  ['2021-302T12:00Z', noon],
  ['2020-366', '2020-12-31T00:00:00.000Z'],
  ['2021-10-29T24:00:00Z', '2021-10-30T00:00:00.000Z'],
  ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
  ['2021/10/29', midnight],
  ['2021/10/29 12:00:00', noon],
  ['2021/10/29 12:00:00.250', '2021-10-29T12:00:00.250Z'],
  ['10/29/2021', midnight],
  ['1/2/2021', '2021-01-02T00:00:00.000Z'],
  ['10/29/2021 12:00', noon],
  ['10/29/2021 05:30 PM', '2021-10-29T17:30:00.000Z'],
  ['10/29/2021 12:30:01 am', '2021-10-29T00:30:01.000Z'],
  ['Fri, 29 Oct 2021 12:00:00 GMT', noon],
  ['Fri, 29 Oct 2021 12:00:00 +0000', noon],
  ['29 Oct 2021 14:00:00 +0200', noon],
  ['Fri, 29 Oct 2021 08:00:00 EDT', noon],
  ['29 October 2021 12:00', noon],
  ['Fri Oct 29 2021 14:00:00 GMT+0200 (Central European Summer Time)', noon],
  ['Oct 29, 2021', midnight],
  ['October 29, 2021 12:00:00 UTC', noon],
  ['1635508800', noon],
  ['1635508800.25', '2021-10-29T12:00:00.250Z'],
  ['1635508800123', '2021-10-29T12:00:00.123Z'],
  ['1635508800123.9', '2021-10-29T12:00:00.123Z'],
  ['1635508800123456', '2021-10-29T12:00:00.123Z'],
  ['1635508800123456789', '2021-10-29T12:00:00.123Z'],
  ['0001-01-01T00:00:00.000Z', '0001-01-01T00:00:00.000Z'],
  ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
]

const unknown = [
  '', ' ', 'not a date', 'notISO', 'yesterday', 'foo 12', '2021-13-01', '2021-00-10', '2021-02-29', '2021-02-30T00:00:00.000Z', '2021-10-32', '2021-366',
  '2021-000', '2021-W54-1', '2021-W53-1', '2021-W00', '2021-W10-8', '2021-10-29T25:00:00Z', '2021-10-29T24:00:01Z', '2021-10-29T12:60:00Z',
  '2021-10-29T12:00:61Z', '2021-10-29T12:00:00.000X', '2021-10-29T12:00:00+24:00', '2021-10-29T12:00:00+01:60', '2021-1x-29T12:00:00.000Z', '2021-10-29T1/:00:00.000Z',
  '+012021-01-01T00:00:00.000Z', '-000001-01-01T00:00:00Z', '29/10/2021', '13/13/2021', '10/29/2021 13:00 PM', '10/29/2021 00:00 AM', '29 Foo 2021', 'Foo 29, 2021',
  '12', '12345678901234567890', '-1635508800', '1e12', 'null', '[object Object]', '2021-10-29T12:00:00.00:Z', '2'.repeat(101), '(((((((((((((((('.repeat(5),
] // prettier-ignore

describe('instantFrom', () => {
  for (const [text, iso] of known) {
    it(`reads "${text}" as ${iso}`, () => {
      const ms = instantFrom(text)
      assert.equal(ms === undefined ? undefined : new Date(ms).toISOString(), iso)
    })
  }

  for (const text of unknown) {
    it(`knows no time in ${JSON.stringify(text.slice(0, 40))}`, () => assert.equal(instantFrom(text), undefined))
  }

  it('reads back every time that JavaScript writes, by either path', () => {
    const anyTime = fc.integer({ min: Date.UTC(0, 0, 1) - 1899 * 365.25 * 86_400_000, max: 253_402_300_799_999 })
    fc.assert(
      fc.property(anyTime, (ms) => {
        const text = new Date(ms).toISOString()
        if (text.length !== 24) return
        assert.equal(instantFrom(text), ms)
        assert.equal(instantFrom(text.replace('Z', '+00:00')), ms)
      }),
      { seed: 20_261_121, numRuns: 5000 },
    )
  })

  it('agrees with the calendar on every day of four centuries', () => {
    for (let day = Date.UTC(1900, 0, 1); day < Date.UTC(2300, 0, 1); day += 86_400_000) {
      const text = new Date(day).toISOString()
      assert.equal(instantFrom(text), day)
    }
  })
})
