import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { csvOf } from './csv.ts'

const column = (name: string, type = 'String') => ({ name, type })

describe('CSV', () => {
  it('has a header, CRLF behind each record, and nothing where a value is null', () => {
    const csv = csvOf({
      columns: [column('event'), column('n', 'UInt64')],
      rows: [
        ['a', '12'],
        [null, 3],
      ],
    })
    assert.equal(csv, 'event,n\r\na,12\r\n,3\r\n')
  })

  it('quotes commas, quotes and line breaks, and doubles quotes', () => {
    const csv = csvOf({ columns: [column('x')], rows: [['a,b'], ['say "hi"'], ['two\nlines']] })
    assert.equal(csv, 'x\r\n"a,b"\r\n"say ""hi"""\r\n"two\nlines"\r\n')
  })

  it('disarms what a spreadsheet would run as a formula, in headers too', () => {
    const csv = csvOf({ columns: [column('=x')], rows: [['=1+1'], ['@sum'], ['-2'], ['+a'], ['\tb'], ['=a,b']] })
    assert.equal(csv, `'=x\r\n'=1+1\r\n'@sum\r\n'-2\r\n'+a\r\n'\tb\r\n"'=a,b"\r\n`)
  })

  it('leaves negative numbers numbers', () => {
    const columns = [column('a', 'Int64'), column('b', 'Nullable(Float64)')]
    assert.equal(csvOf({ columns, rows: [['-5', -0.5]] }), 'a,b\r\n-5,-0.5\r\n')
  })

  it('writes lists and maps as JSON', () => {
    assert.equal(csvOf({ columns: [column('l', 'Array(String)')], rows: [[['a', 'b']]] }), 'l\r\n"[""a"",""b""]"\r\n')
  })
})
