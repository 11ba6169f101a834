import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { limitsCallFrom } from './limits.ts'

const call = (...words: readonly string[]) => limitsCallFrom(words)
function problemOf(...words: readonly string[]): string {
  const read = call(...words)
  return read.kind === 'misused' ? read.problem : assert.fail('the words were accepted')
}

describe('the words of `sluice limits`', () => {
  it('list the limits of one project or of all', () => {
    assert.deepEqual(call('list'), { kind: 'list', path: '/internal/limits', json: false })
    assert.deepEqual(call('list', '--project', '7', '--json'), {
      kind: 'list',
      path: '/internal/limits?project=7',
      json: true,
    })
  })

  it('set a quota, a rate, or both, and take them away', () => {
    const set = (...words: readonly string[]) => {
      const read = call('set', '--project', '1', '--event', '@events', ...words)
      return read.kind === 'set' ? read.body : assert.fail(JSON.stringify(read))
    }
    const common = { project: 1, token: null, event_type: '@events' }
    const quota = { events_max: 1_000_000, period: 'month' }
    assert.deepEqual(set('--quota', '1000000/month'), { ...common, quota })
    assert.deepEqual(set('--rate', '0.5/s'), { ...common, rate: { events_per_second: 0.5, burst_events_max: 1 } })
    assert.deepEqual(set('--rate', '500/s', '--burst', '2000', '--quota', 'none', '--token', 'phc_a'), {
      ...common,
      token: 'phc_a',
      quota: null,
      rate: { events_per_second: 500, burst_events_max: 2000 },
    })
    assert.deepEqual(set('--rate', 'none'), { ...common, rate: null })
  })

  it('remove one by its id', () => {
    const id = '018f0000-0000-7000-8000-000000000000'
    assert.deepEqual(call('remove', id), { kind: 'remove', id })
  })

  it('are refused with what is missing or wrong', () => {
    const set = ['set', '--project', '1', '--event', 'a']
    for (const [words, problem] of [
      [[], /What about limits/],
      [['show'], /no `sluice limits show`/],
      [['list', 'all'], /takes no "all"/],
      [['list', '--event', 'a'], /has no option --event/],
      [['list', '--project', 'one'], /not "one"/],
      [['set', '--event', 'a', '--quota', '1/day'], /--project takes/],
      [['set', '--project', '1', '--quota', '1/day'], /--event takes/],
      [set, /--quota, --rate, or both/],
      [[...set, '--quota', '1/week'], /1000000\/month.*"1\/week"/],
      [[...set, '--quota', 'many/day'], /"many\/day"/],
      [[...set, '--quota', '9'.repeat(20) + '/day'], /--quota takes/],
      [[...set, '--rate', '5/min'], /500\/s.*"5\/min"/],
      [[...set, '--rate', '5/s', '--burst', 'x'], /"5\/s --burst x"/],
      [[...set, '--quota', '1/day', '--burst', '5'], /--burst goes with --rate/],
      [[...set, '--quta', '1/day'], /--quta/],
      [[...set, '--quota'], /--quota/],
      [['remove'], /takes the id/],
      [['remove', '7'], /takes the id/],
      [['remove', '018f0000-0000-7000-8000-000000000000', 'now'], /takes no "now"/],
    ] as const) {
      assert.match(problemOf(...words), problem, words.join(' '))
    }
  })
})
