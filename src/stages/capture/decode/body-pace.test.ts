import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { until } from '../../../kit/until.fixtures.ts'
import { createBodyPace } from './body-pace.ts'

const aRequest = () => new PassThrough().resume() as unknown as IncomingMessage

describe('the pace of long bodies', () => {
  it('holds nobody up who sends little', () => {
    const pace = createBodyPace()
    const request = aRequest()
    pace(request, 64 * 1024)
    assert.equal(request.isPaused(), false)
  })

  it('holds up who sends too fast, and lets him go on', async () => {
    const pace = createBodyPace()
    const request = aRequest()
    pace(request, 1024 * 1024)
    assert.equal(request.isPaused(), true)
    await until('it goes on', () => Promise.resolve(!request.isPaused()))
  })

  it('is one for all together', () => {
    const pace = createBodyPace()
    pace(aRequest(), 1024 * 1024)
    const other = aRequest()
    pace(other, 1000)
    assert.equal(other.isPaused(), true)
  })
})
