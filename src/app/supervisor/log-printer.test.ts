import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { createLogPrinter } from './log-printer.ts'

/** What is printed of the given pieces of a process's output. */
async function printed(style: 'raw' | 'readable', ...chunks: readonly string[]): Promise<readonly string[]> {
  const lines: string[] = []
  const from = Readable.from(chunks.map((chunk) => Buffer.from(chunk)))
  createLogPrinter({ write: (line) => void lines.push(line) }, style).follow('edge', from, 'warn')
  await new Promise((resolve) => from.once('close', resolve))
  return lines
}

const line = JSON.stringify({
  level: 'info',
  timestamp: '2026-01-02T03:04:05.678Z',
  caller: 'edge/capture',
  fields: { port: 8000, host: 'here' },
  msg: 'Listening.',
})

describe('the printer of logs', () => {
  it('passes JSON lines on as they are, however they are cut', async () => {
    assert.deepEqual(await printed('raw', line.slice(0, 20), `${line.slice(20)}\n${line}`), [`${line}\n`, `${line}\n`])
  })

  it('makes a JSON line of what is none, with the role as caller and tokens masked', async () => {
    const [first = ''] = await printed('raw', 'Segmentation fault at phc_abcdefgh\n\n')
    const { level, caller, msg } = JSON.parse(first) as Record<string, unknown>
    assert.deepEqual({ level, caller, msg }, { level: 'warn', caller: 'edge', msg: 'Segmentation fault at phc_abc…' })
  })

  it('makes a JSON line of JSON that is no log line', async () => {
    const [first = ''] = await printed('raw', '{"level":30}\n')
    assert.equal((JSON.parse(first) as Record<string, unknown>)['msg'], '{"level":30}')
  })

  it('shows a short line each to a person', async () => {
    const [first = '', second = ''] = await printed('readable', `${line}\nplain\n`)
    assert.equal(stripVTControlCharacters(first), '03:04:05 edge/capture Listening. port=8000 host=here\n')
    assert.match(stripVTControlCharacters(second), /^\d\d:\d\d:\d\d edge {7}WARN plain\n$/)
  })

  it('breaks a line that does not end', async () => {
    const lines = await printed('raw', 'x'.repeat(70_000), 'y'.repeat(70_000))
    assert.equal(lines.length, 2)
  })
})
