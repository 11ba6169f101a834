import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from '../failure.ts'
import { createJsonLog } from './json-log.ts'
import type { LogLevel } from './telemetry.ts'

function aLog(level: LogLevel = 'debug') {
  const lines: string[] = []
  const log = createJsonLog({ caller: 'edge', level, sink: { write: (line) => void lines.push(line) } })
  const last = () =>
    JSON.parse(lines.at(-1) ?? '') as Record<string, unknown> & { readonly fields: Record<string, unknown> }
  return { log, lines, last }
}

describe('the log', () => {
  it('writes one JSON line with level, timestamp, caller, message and fields', () => {
    const { log, lines, last } = aLog()
    log.log('warn', 'Something recovered.', { port: 8000 })
    assert.equal(lines.length, 1)
    assert.ok(lines[0]?.endsWith('}\n'))
    const { timestamp, ...rest } = last()
    assert.deepEqual(rest, { level: 'warn', caller: 'edge', msg: 'Something recovered.', fields: { port: 8000 } })
    assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  })

  it('signs the lines of a stage', () => {
    const { log, last } = aLog()
    log.as('edge/capture').log('info', 'Hello.')
    assert.equal(last()['caller'], 'edge/capture')
  })

  it('leaves out what is below its level', () => {
    const { log, lines } = aLog('info')
    log.log('debug', 'Detail.')
    assert.deepEqual(lines, [])
  })

  it('masks tokens wherever they stand', () => {
    const { log, lines } = aLog()
    log.log('info', 'Refused phc_abcdefgh.', {
      nested: [{ url: '/decide?token=phx_12345678' }],
      error: new Error('phc_secretsecret'),
    })
    const [line = ''] = lines
    assert.match(line, /phc_abc…/)
    assert.doesNotMatch(line, /phc_abcd|phx_1234|phc_secr/)
  })

  it('masks what a field named for a secret holds, whatever it looks like', () => {
    const { log, last } = aLog()
    log.log('info', 'Refused.', { token: 'correct-horse-battery' })
    assert.equal(last().fields['token'], 'correct…')
  })

  it('writes an error with its message, code and stack', () => {
    const { log, last } = aLog()
    log.log('error', 'Broken.', { error: new Failure('SLUICE_X', 'It broke.') })
    const { message, code, stack } = last().fields['error'] as Record<string, unknown>
    assert.deepEqual([message, code], ['It broke.', 'SLUICE_X'])
    assert.match(String(stack), /json-log\.test/)
  })

  it('keeps data from posing as the line itself', () => {
    const { log, last } = aLog()
    log.log('info', 'Hello.', { level: 'error', msg: 'forged', caller: 'core' })
    assert.deepEqual([last()['level'], last()['msg'], last()['caller']], ['info', 'Hello.', 'edge'])
  })
})
