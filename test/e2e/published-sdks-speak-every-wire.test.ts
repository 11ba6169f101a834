/** The newest published SDKs on the wire that they speak by default and, where they have it, on the one that comes next. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { aRunningSluice } from '../harness/installation.ts'
import { assertVerified } from '../harness/oracle.ts'
import { profiles } from '../harness/profiles.ts'
import { sendWithGo, sendWithNode, sendWithPython, skippedWithoutPython } from './published-sdks.ts'

const count = 1000
/** Node and Python send these over v1, Go over v0. */
const kindsBeside = ['$identify', '$create_alias', '$groupidentify', '$set'] as const

for (const profile of profiles) {
  const title = `all that Node, Python and Go say was sent, over v0 and v1, is there once, with the SDK that sent it, ${profile.where}`
  it(title, { skip: skippedWithoutPython() || profile.skip }, async (test) => {
    const sluice = await aRunningSluice(test, {}, profile)
    const sending = { count, seconds: 1 }
    // Each to its end, also when one fails: an SDK that goes on sending to nobody keeps the process alive.
    const sent = await Promise.allSettled([
      sendWithNode(sluice, sending),
      sendWithNode(sluice, { ...sending, wire: 'v1' }),
      sendWithPython(sluice, sending),
      sendWithPython(sluice, { ...sending, wire: 'v1' }),
      sendWithGo(sluice, count),
    ])
    for (const one of sent) if (one.status === 'rejected') throw one.reason
    await sluice.settled()

    const { rows } = await sluice.ask(
      `SELECT event, any(JSONExtractString(properties, '$lib')), count(), uniqExact(uuid),
      uniqExact(JSONExtractInt(properties, 'number')), uniqExact(distinct_id), any(JSONExtractString(properties, 'text'))
      FROM events WHERE event LIKE 'from %' GROUP BY event ORDER BY event`,
    )
    const each = [count, count, count, 100, 'Grüße 😀']
    assert.deepEqual(
      rows.map((row) => row.map((value, n) => (n >= 2 && n <= 5 ? Number(value) : value))),
      [
        ['from go', 'posthog-go', ...each],
        ['from node', 'posthog-node', ...each],
        ['from node v1', 'posthog-node', ...each],
        ['from python', 'posthog-python', ...each],
        ['from python v1', 'posthog-python', ...each],
      ],
    )

    const beside = await sluice.ask(
      `SELECT event, arraySort(groupArray(JSONExtractString(properties, '$lib'))) FROM events
      WHERE event IN ('${kindsBeside.join(`', '`)}') GROUP BY event ORDER BY event`,
    )
    assert.deepEqual(beside.rows, [
      ['$create_alias', ['posthog-go', 'posthog-node', 'posthog-python']],
      ['$groupidentify', ['posthog-go', 'posthog-node', 'posthog-python']],
      ['$identify', ['posthog-go', 'posthog-node']],
      ['$set', ['posthog-python']],
    ])
    await assertVerified(sluice, 5 * count + 9)
  })
}
