import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMetrics } from './metrics.ts'

const someMetrics = (seriesMax = 100) => createMetrics({ seriesMax, defaultMetrics: false })

describe('the metrics', () => {
  it('count, set and observe under the prefix of the product', async () => {
    const metrics = someMetrics()
    metrics.count('capture_requests_total')
    metrics.count('capture_requests_total', 2)
    metrics.gauge('intake_waiting_bytes', 7, { lane: 'x' })
    metrics.gauge('intake_waiting_bytes', 3, { lane: 'x' })
    metrics.observe('capture_answer_ms', 4)
    const text = await metrics.exposition()
    assert.match(text, /^sluice_capture_requests_total 3$/m)
    assert.match(text, /^sluice_intake_waiting_bytes\{lane="x"\} 3$/m)
    assert.match(text, /^sluice_capture_answer_ms_bucket\{le="2.5"\} 0$/m)
    assert.match(text, /^sluice_capture_answer_ms_bucket\{le="5"\} 1$/m)
    assert.match(text, /^sluice_capture_answer_ms_sum 4$/m)
  })

  it('count label values beyond the limit together', async () => {
    const metrics = someMetrics(2)
    for (const reason of ['a', 'b', 'c', 'd', 'a']) metrics.count('capture_refused_total', 1, { reason })
    const text = await metrics.exposition()
    assert.match(text, /\{reason="a"\} 2$/m)
    assert.match(text, /\{reason="b"\} 1$/m)
    assert.match(text, /\{reason="other"\} 2$/m)
    assert.doesNotMatch(text, /reason="[cd]"/)
  })

  it('leave out a label that the first use did not have', async () => {
    const metrics = someMetrics()
    metrics.count('a_total', 1, { lane: 'x' })
    metrics.count('a_total', 1, { lane: 'x', reason: 'y' })
    assert.match(await metrics.exposition(), /^sluice_a_total\{lane="x"\} 2$/m)
  })

  it('stand beside those of another process, told apart by role', async () => {
    const edge = createMetrics({ seriesMax: 10, role: 'edge', defaultMetrics: false })
    const core = createMetrics({ seriesMax: 10, role: 'core', defaultMetrics: false })
    edge.count('requests_total')
    core.count('requests_total', 2)
    core.observe('insert_ms', 4)
    const text = await edge.exposition([await core.snapshot()])
    assert.match(text, /^sluice_requests_total\{role="edge"\} 1$/m)
    assert.match(text, /^sluice_requests_total\{role="core"\} 2$/m)
    assert.match(text, /^sluice_insert_ms_bucket\{le="5",role="core"\} 1$/m)
    assert.equal(text.match(/# TYPE sluice_requests_total/g)?.length, 1)
  })

  it('tell of the process itself', async () => {
    const text = await createMetrics({ seriesMax: 10 }).exposition()
    assert.match(text, /^nodejs_eventloop_lag_seconds /m)
    assert.match(text, /^process_resident_memory_bytes /m)
  })
})
